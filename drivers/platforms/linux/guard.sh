#!/bin/sh
# Plaza's dead-man guard, kept on the device: puts the saved files back unless they were confirmed.
#   guard timer TOKEN SECONDS   waits, then reverts
#   guard start | late          reverts at once, at boot before (start) or after (late) the services
#   guard again WHY             goes on with a revert that the disk had no room for
#   guard reload                makes the applied files work
# Whoever renames rollback.tgz first decides: to `confirmed` (the controller) or `reverting` (this program).
R="${PLAZA_ROOT:-}"
HOME_DIR="$R/etc/plaza-guard"
TRIAL="$R/run/plaza-guard"
PATH="$PATH:/usr/sbin:/sbin:/usr/bin:/bin"
umask 077

on_guard() { # that it runs; never an empty file, which whoever looks would take for a killed guard
    mkdir -p "$TRIAL"
    echo $$ >"$TRIAL/guard.pid.new" && mv "$TRIAL/guard.pid.new" "$TRIAL/guard.pid"
}
note() { # one line of what became of each trial, the last 20
    { tail -n 19 "$HOME_DIR/history" 2>/dev/null; echo "$1"; } >"$HOME_DIR/history.new"
    mv "$HOME_DIR/history.new" "$HOME_DIR/history"
}
decide() { # whether it is for us to restore
    mv "$HOME_DIR/rollback.tgz" "$HOME_DIR/reverting" 2>/dev/null
    [ -e "$HOME_DIR/reverting" ]
}
restore() { # WHY; what was not there goes first, which makes room where the disk is full
    tar -C "$R/" -xzf "$HOME_DIR/reverting" etc/plaza-guard/absent etc/plaza-guard/services || return
    while read -r path; do rm -f "$R$path"; done <"$HOME_DIR/absent"
    rm -rf "$HOME_DIR/stage"
    tar -C "$R/" -xzf "$HOME_DIR/reverting" || return
    sync
    note "reverted $(cat "$HOME_DIR/token") $1"
    rm -f "$HOME_DIR/reverting"
    sync
    rm -rf "$TRIAL"
}
reread() { # systemd has read the units that were restored already
    ! command -v systemctl >/dev/null || systemctl daemon-reload
}
reload() {
    reread
    for service in $(cat "$HOME_DIR/services"); do
        restart "$service"
    done
}
restart() { # SERVICE, if the device has it
    case "$1" in
    hostname) hostname "$(cat "$R/etc/hostname")" ;;
    network)
        networkctl reload
        [ -e "$R/etc/systemd/network/10-plaza-mgmt.netdev" ] || ip link delete plaza-mgmt
        ;;
    plaza-hostapd)
        if [ -e "$R/etc/systemd/system/$1.service" ]; then systemctl restart "$1"; else systemctl stop "$1"; fi
        ;;
    *)
        if command -v systemctl >/dev/null; then
            systemctl restart "$1"
        elif [ -x "$R/etc/init.d/$1" ]; then
            "$R/etc/init.d/$1" restart
        fi
        ;;
    esac
}

case "$1" in
timer)
    on_guard
    sleep "$3"
    [ "$(cat "$HOME_DIR/token" 2>/dev/null)" = "$2" ] || exit 0
    decide || exit 0
    exec /bin/sh "$0" again timer
    ;;
again)
    on_guard
    until restore "$2"; do
        sleep 5
        [ -e "$HOME_DIR/reverting" ] || exit 0  # another was quicker
    done
    reload
    ;;
reload)
    reload
    : >"$TRIAL/reloaded"
    ;;
start | late)
    rm -rf "$TRIAL"
    if decide; then
        if ! restore boot; then
            /bin/sh "$0" again boot </dev/null >/dev/null 2>&1 &
        elif [ "$1" = start ]; then
            reread
        else
            reload
        fi
    fi
    [ ! -e "$HOME_DIR/confirmed" ] || note "confirmed $(cat "$HOME_DIR/token")"
    rm -f "$HOME_DIR/confirmed"
    ;;
esac
exit 0
