#!/bin/sh
# Plaza's dead-man guard, kept on the device: puts the saved configuration back unless it was confirmed.
#   guard timer TOKEN SECONDS   waits, then reverts
#   guard boot                  reverts at once: power that goes inside a trial never keeps it
#   guard again HOW             goes on with a revert that the disk had no room for
#   guard reload                makes the committed configuration work
# Whoever renames rollback.tgz first decides: to `confirmed` (the controller) or `reverting` (this program).
R="${PLAZA_ROOT:-}"
HOME_DIR="$R/etc/plaza"
TRIAL="$R/tmp/plaza"
PATH="$PATH:/usr/sbin:/sbin:/usr/bin:/bin"
umask 077

on_guard() { # that it runs; never an empty file, which whoever looks would take for a killed guard
    mkdir -p "$TRIAL"
    echo $$ >"$TRIAL/guard.pid.new" && mv "$TRIAL/guard.pid.new" "$TRIAL/guard.pid"
}
note() { # one line of what became of each trial, the last 20
    { tail -n 19 "$HOME_DIR/history" 2>/dev/null; echo "$1"; } >"$HOME_DIR/history.new" &&
        mv "$HOME_DIR/history.new" "$HOME_DIR/history"
}
unpack() { # the saved files, and away with those that were not there
    tar -C "$R/" -xzf "$HOME_DIR/reverting" || return
    [ -f "$TRIAL/absent" ] || return 0
    while read -r path; do
        rm -f "$R/$path" || return
    done <"$TRIAL/absent"
}
restore() { # HOW
    stop_rpcd
    unpack || return
    sync
    ended="reverted $(cat "$HOME_DIR/token") $1"
    rm -f "$HOME_DIR/history.new" "$HOME_DIR/file.new" "$HOME_DIR/rollback.new"
    note "$ended" || { rm -f "$HOME_DIR/reverting"; note "$ended"; }  # a full disk needs the room
    rm -f "$HOME_DIR/reverting"
    sync
}
stop_rpcd() { # its own timer must not end later what is then somebody else's change
    [ -s "$TRIAL/sid" ] || return
    session="{\"ubus_rpc_session\":\"$(cat "$TRIAL/sid")\"}"
    ubus call uci rollback "$session"
    ubus call session destroy "$session"
} >/dev/null 2>&1
reload() { # SERVICES beside those that look after their own UCI package
    command -v reload_config >/dev/null && reload_config
    for service in $1; do
        [ -x "$R/etc/init.d/$service" ] || continue
        "$R/etc/init.d/$service" stop
        [ "$service" != snmpd ] || forget_keys
        "$R/etc/init.d/$service" start
    done
}
forget_keys() { # snmpd believes the keys it once derived and stored more than a changed createUser
    kept="$R/usr/lib/snmp/snmpd.conf"
    [ -f "$kept" ] || return
    sleep 2  # it stores them as it ends
    for user in $(sed -n 's/^createUser \([A-Za-z0-9_-]*\) .*/\1/p' "$R/etc/snmp/snmpd.local.conf"); do
        grep -v "^usmUser .* \"$user\" \"$user\" " "$kept" >"$kept.new"
        cat "$kept.new" >"$kept"
        rm -f "$kept.new"
    done
}
services() { cat "$TRIAL/services" 2>/dev/null; }

case "$1" in
timer)
    on_guard
    sleep "$3"
    [ "$(cat "$HOME_DIR/token" 2>/dev/null)" = "$2" ] || exit 0
    mv "$HOME_DIR/rollback.tgz" "$HOME_DIR/reverting" 2>/dev/null || exit 0
    exec /bin/sh "$0" again timer
    ;;
again)
    on_guard
    concerned=$(services)
    until restore "$2"; do
        sleep 5
        [ -e "$HOME_DIR/reverting" ] || exit 0  # another was quicker
    done
    rm -rf "$TRIAL"
    reload "$concerned"
    ;;
reload)
    reload "$(services)"
    : >"$TRIAL/reloaded"
    ;;
boot)
    rm -rf "$TRIAL"
    mv "$HOME_DIR/rollback.tgz" "$HOME_DIR/reverting" 2>/dev/null
    failed=
    [ ! -e "$HOME_DIR/reverting" ] || restore boot || failed=yes
    rm -rf "$TRIAL"
    if [ -n "$failed" ]; then
        /bin/sh "$0" again boot </dev/null >/dev/null 2>&1 &
    fi
    if [ -e "$HOME_DIR/confirmed" ]; then
        : >"$HOME_DIR/confirmed"
        note "confirmed $(cat "$HOME_DIR/token")" && rm -f "$HOME_DIR/confirmed"
    fi
    ;;
esac
exit 0
