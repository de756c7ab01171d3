#!/bin/sh
# Plaza's dead-man guard, kept on the device: puts the saved configuration back unless it was confirmed.
#   guard timer TOKEN SECONDS   waits, then reverts
#   guard boot                  reverts at once: power that goes inside a trial never keeps it
#   guard reload                makes the committed configuration work
# Whoever renames rollback.tgz first decides: to `confirmed` (the controller) or `reverting` (this program).
R="${PLAZA_ROOT:-}"
HOME_DIR="$R/etc/plaza"
TRIAL="$R/tmp/plaza"
PATH="$PATH:/usr/sbin:/sbin:/usr/bin:/bin"
umask 077

note() { # one line of what became of each trial, the last 20
    { tail -n 19 "$HOME_DIR/history" 2>/dev/null; echo "$1"; } >"$HOME_DIR/history.new"
    mv "$HOME_DIR/history.new" "$HOME_DIR/history"
}
restore() {
    tar -C "$R/" -xzf "$HOME_DIR/reverting" || exit 1
    sync
    note "reverted $(cat "$HOME_DIR/token") $1"
    rm -f "$HOME_DIR/reverting"
    sync
    rm -rf "$TRIAL"
}
reload() {
    command -v reload_config >/dev/null && reload_config
}

case "$1" in
timer)
    mkdir -p "$TRIAL"
    echo $$ >"$TRIAL/guard.pid"
    sleep "$3"
    [ "$(cat "$HOME_DIR/token" 2>/dev/null)" = "$2" ] || exit 0
    mv "$HOME_DIR/rollback.tgz" "$HOME_DIR/reverting" 2>/dev/null || exit 0
    restore timer
    reload
    ;;
reload)
    reload
    : >"$TRIAL/reloaded"
    ;;
boot)
    rm -rf "$TRIAL"
    mv "$HOME_DIR/rollback.tgz" "$HOME_DIR/reverting" 2>/dev/null
    [ ! -e "$HOME_DIR/reverting" ] || restore boot
    [ ! -e "$HOME_DIR/confirmed" ] || note "confirmed $(cat "$HOME_DIR/token")"
    rm -f "$HOME_DIR/confirmed"
    ;;
esac
exit 0
