#!/bin/sh
# Plaza's dead-man guard, in the device's memory: puts the saved system.cfg back unless it was confirmed.
#   guard timer TOKEN SECONDS   waits, then reverts
#   guard reload                makes the applied configuration work, without writing it to flash
# Whoever renames rollback.cfg first decides: to `confirmed` (the controller) or `reverting` (this program).
R="${PLAZA_ROOT:-}"
CFG="$R/tmp/system.cfg"
TRIAL="$R/tmp/plaza"
KEPT="$R/etc/persistent/plaza"
PATH="$PATH:/usr/sbin:/sbin:/usr/bin:/bin"
umask 077

on_guard() { # that it runs; never an empty file, which whoever looks would take for a killed guard
    echo $$ >"$TRIAL/guard.pid.new" && mv "$TRIAL/guard.pid.new" "$TRIAL/guard.pid"
}
note() { # one line of what became of each trial, the last 20
    mkdir -p "$KEPT"
    { tail -n 19 "$KEPT/history" 2>/dev/null; echo "$1"; } >"$KEPT/history.new"
    mv "$KEPT/history.new" "$KEPT/history"
}
reload() {
    "$R/usr/etc/rc.d/rc.softrestart" save
}

case "$1" in
timer)
    on_guard
    sleep "$3"
    [ "$(cat "$TRIAL/token" 2>/dev/null)" = "$2" ] || exit 0
    mv "$TRIAL/rollback.cfg" "$TRIAL/reverting" 2>/dev/null
    [ -e "$TRIAL/reverting" ] || exit 0
    cp -p "$TRIAL/reverting" "$TRIAL/old.cfg" && cmp -s "$TRIAL/reverting" "$TRIAL/old.cfg" &&
        mv "$TRIAL/old.cfg" "$CFG" || mv "$TRIAL/reverting" "$CFG"
    note "reverted $2 timer"
    rm -rf "$TRIAL"
    reload
    ;;
reload)
    reload
    : >"$TRIAL/reloaded"
    ;;
esac
exit 0
