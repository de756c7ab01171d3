#!/bin/sh
# Plaza's opening hours, called by cron each minute: puts networks on the air, and takes them off it.
#   air SECTION=DAY:START-END,… …   a wifi-iface, and when it is on: DAY 1 is Monday, minutes of the day
# It says what should be now, not what changed: a reboot or a clock that was wrong mends itself within a minute.
R="${PLAZA_ROOT:-}"
C="$R/etc/config"
STAGE="$R/tmp/plaza-air"
PATH="$PATH:/usr/sbin:/sbin:/usr/bin:/bin"
umask 077

[ ! -e "$R/etc/plaza/rollback.tgz" ] && [ ! -e "$R/etc/plaza/reverting" ] || exit 0  # inside a trial nothing moves
now=$(date +%u:%H:%M)
day=${now%%:*}
minute=${now##*:}
hour=${now#*:}
hour=${hour%:*}
now=$((${hour#0} * 60 + ${minute#0}))

off() { # SPANS: 1 unless one of them holds this moment
    for span in $(echo "$1" | tr ',' ' '); do
        range=${span#*:}
        [ "${span%%:*}" = "$day" ] && [ "$now" -ge "${range%-*}" ] && [ "$now" -lt "${range#*-}" ] || continue
        echo 0
        return
    done
    echo 1
}

changed=
for each in "$@"; do
    section=${each%%=*}
    uci -q -c "$C" -t "$STAGE" get "wireless.$section" >/dev/null || continue
    wanted=$(off "${each#*=}")
    [ "$(uci -q -c "$C" -t "$STAGE" get "wireless.$section.disabled")" != "$wanted" ] || continue
    uci -q -c "$C" -t "$STAGE" set "wireless.$section.disabled=$wanted" && changed=yes
done
[ -n "$changed" ] || exit 0
uci -q -c "$C" -t "$STAGE" commit wireless && wifi reload
