# The device's side of a change: functions that Plaza calls over SSH, one act per call.
# Set before: OWNED CONSULTED; for arm and preview BATCH_SHA256, for arm TOKEN REVERT_S FINGERPRINT SERVICES
# GUARD_SHA256, functions batch_text guard_text.
# The batch is a line per file: file MODE PATH WORD-FOR-PRINTF-%b | link - PATH WORD | gone - PATH -
R="${PLAZA_ROOT:-}"
HOME_DIR="$R/etc/plaza-guard"
STAGE="$HOME_DIR/stage"
LOCK="$R/run/plaza-guard.lock"
TRIAL="$R/run/plaza-guard"
PATH="$PATH:/usr/sbin:/sbin:/usr/bin:/bin"
LC_ALL=C
export LC_ALL
umask 077

refuse() { # STATUS TEXT
    echo "$2" >&2
    exit "$1"
}
digest() { sha256sum | cut -d' ' -f1; }
there() { [ -e "$R$1" ] || [ -h "$R$1" ]; }
note() { # one line of what became of each trial, the last 20
    { tail -n 19 "$HOME_DIR/history" 2>/dev/null; echo "$1"; } >"$HOME_DIR/history.new"
    mv "$HOME_DIR/history.new" "$HOME_DIR/history"
}
later() { # runs the guard detached from this login, whose processes may be killed when it ends
    set -- "$HOME_DIR/guard" "$@"
    if [ -d "$R/run/systemd/system" ] && command -v systemd-run >/dev/null; then
        systemd-run --quiet --collect /bin/sh "$@" </dev/null >/dev/null 2>&1 && return
    fi
    if command -v setsid >/dev/null; then
        (setsid /bin/sh "$@" &) </dev/null >/dev/null 2>&1 && return
    fi
    (trap '' HUP; exec /bin/sh "$@") </dev/null >/dev/null 2>&1 &
}

keys() { # the authorized_keys of who is logged in
    home="${R:+/root}"
    echo "${home:-$HOME}/.ssh/authorized_keys"
}
drop_ins() { # ours, that give an uplink another VLAN
    for file in "$R"/etc/systemd/network/*.network.d/plaza-mgmt.conf; do
        [ ! -e "$file" ] || echo "${file#"$R"}"
    done
}
uplink() { # the drop-in of the file by which systemd-networkd keeps the interface of the default route
    known=$(drop_ins | head -n 1)
    if [ -n "$known" ]; then
        echo "$known"
        return
    fi
    command -v networkctl >/dev/null && [ -r "$R/proc/net/route" ] || return 0
    name=$(awk '$2 == "00000000" && $8 == "00000000" { print $1; exit }' "$R/proc/net/route")
    [ -n "$name" ] || return 0
    file=$(networkctl status "$name" 2>/dev/null | sed -n 's/^ *Network File: *//p' | head -n 1)
    case "$file" in
    *.network) echo "/etc/systemd/network/${file##*/}.d/plaza-mgmt.conf" ;;
    esac
}
know() { # `drop_in`, see `uplink`, and `paths`, see `owned`
    drop_in=$(uplink)
    paths=$(owned)
}
owned() { # every path of ours, those that only this device can name too
    {
        printf '%s\n' $OWNED
        keys
        [ -z "$drop_in" ] || echo "$drop_in"
        drop_ins
    } | sort -u | while read -r path; do
        case "$path" in
        *[!A-Za-z0-9._@/+-]*) refuse 17 "$path" ;;
        esac
        echo "$path"
    done
}
dump() {
    files=
    for path in $paths; do
        [ -h "$R$path" ] || [ ! -f "$R$path" ] || files="$files $R$path"
    done
    set -- $(wc -c $files /dev/null)  # the size and the name of each
    for path in $paths; do
        if [ -h "$R$path" ]; then
            echo "link $path $(readlink "$R$path")"
        elif [ -f "$R$path" ]; then
            echo "file $path $1"
            cat "$R$path"
            echo
            shift 2
        else
            echo "gone $path"
        fi
    done
}
bands() { # PHY
    iw phy "$1" info 2>/dev/null | awk '
        /^[ \t]*\* [0-9.]+ MHz/ && !/disabled/ { mhz = $2 + 0; seen[mhz < 2500 ? "2g4" : mhz < 5900 ? "5g" : "6g"] = 1 }
        END { for (band in seen) printf " %s", band }'
}
facts() {
    for path in $CONSULTED; do
        [ ! -e "$R$path" ] || echo "has $path"
    done
    for wireless in "$R"/sys/class/net/*/phy80211; do
        [ -e "$wireless" ] || continue
        name="${wireless%/phy80211}"
        echo "radio ${name##*/}$(bands "$(cat "$wireless/name")")"
    done
    for bridge in "$R"/sys/class/net/*/bridge; do
        [ -e "$bridge" ] || continue
        name="${bridge%/bridge}"
        echo "bridge ${name##*/}"
    done
    echo "keys $(keys)"
    [ -z "$drop_in" ] || echo "uplink $drop_in"
}
read_state() {
    know || exit
    echo "plaza state"
    facts
    echo files
    dump
}
first() { # line of a FILE, where there is one
    [ ! -r "$R$1" ] || head -n 1 "$R$1" | tr -d '\000\r'
}
maker() { # as a device tree has it, or else what the firmware of a PC says
    if [ -r "$R/proc/device-tree/model" ]; then
        printf 'model %s\nserial %s\n' "$(first /proc/device-tree/model)" "$(first /proc/device-tree/serial-number)"
    else
        dmi=/sys/class/dmi/id
        printf 'model %s %s\nserial %s\n' \
            "$(first $dmi/sys_vendor)" "$(first $dmi/product_name)" "$(first $dmi/product_serial)"
    fi
}
free_kib() { # on the file system of /; the name of a device may take a line of its own
    df -k "$R/" 2>/dev/null | awk 'NR > 1 { line = line " " $0 } END { if (split(line, f) > 4) print f[split(line, f) - 2] }'
}
about() { # what this device is; nothing waits in files, so nothing follows
    echo "plaza facts"
    maker
    printf 'version %s\n' "$(sed -n 's/^PRETTY_NAME=//p' "$R/etc/os-release" 2>/dev/null | head -n 1 | tr -d "'\"\r")"
    echo "free_kib $(free_kib)"
    echo "plaza end"
}
down() { # which of these services systemd does not report as running; says nothing where it cannot be asked
    [ -d "$R/run/systemd/system" ] && command -v systemctl >/dev/null || return 0
    for service in $SERVICES; do
        systemctl is-active --quiet "$service" || echo "down $service"
    done
}

receive() { # DIRECTORY
    batch_text >"$1/batch" || return
    [ "$(digest <"$1/batch")" = "$BATCH_SHA256" ]
}
preview() { # what would change, as the device's own diff says; nothing stays
    command -v diff >/dev/null || return 0
    look="$R/run/plaza-guard-preview.$$"
    trap 'rm -rf "$look"' EXIT
    mkdir -p "$R/run" && mkdir "$look" || refuse 18 "cannot write"
    receive "$look" || refuse 12 "batch damaged"
    while read -r verb mode path text; do
        old="$R$path"
        new=/dev/null
        [ -f "$old" ] || old=/dev/null
        if [ "$verb" = file ]; then
            new="$look/new"
            printf '%b' "$text" >"$new" || refuse 18 "cannot write"
        fi
        [ "$verb" = link ] || diff -u "$old" "$new" | sed "1s|.*|--- $path|; 2s|.*|+++ $path (wanted)|"
    done <"$look/batch"
}

busy() { # whether somebody arms just now; one that was killed does not
    holder=$(ls "$LOCK" 2>/dev/null)
    [ -n "$holder" ] && kill -0 "$holder" 2>/dev/null
}
lock() { # a folder that stays, with one file in it, named after who arms or else `nobody`
    [ ! -d "$LOCK" ] || return 0
    new="${LOCK%/*}/.plaza.$$"
    mkdir -p "$new" && : >"$new/nobody" || return
    mv "$new" "$LOCK" 2>/dev/null  # into it, where ls does not see it, when another was quicker
    rm -rf "$new" "$LOCK/${new##*/}"
    [ -d "$LOCK" ]
}
alone() { # until this script ends; of all who find its holder gone only one can rename that name
    lock || refuse 18 "cannot write"
    ! busy && mv "$LOCK/$holder" "$LOCK/$$" 2>/dev/null || return 1
    trap 'mv "$LOCK/$$" "$LOCK/nobody"' EXIT
}
nothing_open() { [ ! -e "$HOME_DIR/rollback.tgz" ] && [ ! -e "$HOME_DIR/reverting" ]; }
arm() {
    alone || refuse 11 open
    nothing_open || refuse 11 open
    know && [ "$(dump | digest)" = "$FINGERPRINT" ] || refuse 14 changed
    [ ! -e "$HOME_DIR/confirmed" ] || finish "$(cat "$HOME_DIR/token")" || refuse 18 "cannot write"
    rm -rf "$TRIAL" "$STAGE"
    mkdir -p "$TRIAL" "$STAGE" || abandon 18 "cannot write"
    receive "$TRIAL" || abandon 12 "batch damaged"
    stage
    install_guard
    nothing_open || refuse 11 open  # whoever overwrites the token of a trial takes its guard away
    printf '%s\n' "$SERVICES" >"$HOME_DIR/services" && echo "$TOKEN" >"$HOME_DIR/token" ||
        abandon 18 "cannot write"
    later timer "$TOKEN" "$REVERT_S"
    save
    guard_lives || { disarm; refuse 15 guard; }
    know && [ "$(dump | digest)" = "$FINGERPRINT" ] || { disarm; refuse 14 changed; }
}
stage() { # on the file system of /etc, so that applying is mostly a matter of renaming
    all=" $(echo $paths) "
    n=0
    while read -r verb mode path text; do
        n=$((n + 1))
        case "$all" in
        *" $path "*) ;;
        *) abandon 13 "$path is not ours" ;;
        esac
        case "$verb" in
        file) stage_file "$STAGE/$n" "$mode" "$path" "$text" || abandon 18 "cannot write $path" ;;
        link) stage_link "$STAGE/$n" "$(printf '%b' "$text")" || abandon 18 "cannot link $path" ;;
        gone) ;;
        *) abandon 13 "$verb is no verb" ;;
        esac
    done <"$TRIAL/batch"
    [ "$n" -gt 0 ] || abandon 13 "nothing to change"
}
stage_file() { # NEW MODE PATH WORD; a file that is there keeps its owner and mode
    if [ -f "$R$3" ] && [ ! -h "$R$3" ]; then
        cp -p "$R$3" "$1" || return
    else
        : >"$1" && chmod "$2" "$1" || return
    fi
    printf '%b' "$4" >"$1"
}
stage_link() { # NEW TARGET
    case "$2" in
    /usr/share/zoneinfo/*) [ -e "$R$2" ] || abandon 19 "${2#/usr/share/zoneinfo/}" ;;
    esac
    ln -s "$2" "$1"
}
install_guard() {
    guard_text >"$TRIAL/guard"
    [ "$(digest <"$TRIAL/guard")" = "$GUARD_SHA256" ] || abandon 12 "guard damaged"
    if ! cmp -s "$TRIAL/guard" "$HOME_DIR/guard"; then
        cp "$TRIAL/guard" "$HOME_DIR/guard.new" || abandon 18 "cannot write"
        chmod 755 "$HOME_DIR/guard.new"
        mv "$HOME_DIR/guard.new" "$HOME_DIR/guard" || abandon 18 "cannot write"
    fi
    hook || abandon 18 "no boot hook"
}
hook() { # whatever starts the guard when this device boots, before its services where that can be said
    if [ -d "$R/run/systemd/system" ]; then
        units="$R/etc/systemd/system"
        (umask 022; mkdir -p "$units/sysinit.target.wants") || return
        unit_text | cmp -s - "$units/plaza-guard.service" || {
            unit_text >"$units/plaza-guard.new" && chmod 644 "$units/plaza-guard.new" &&
                mv "$units/plaza-guard.new" "$units/plaza-guard.service" || return
        }
        ln -sf ../plaza-guard.service "$units/sysinit.target.wants/plaza-guard.service"
    elif [ -d "$R/etc/rcS.d" ]; then
        ln -sf ../plaza-guard/guard "$R/etc/rcS.d/S00plaza-guard"
        [ -x "$R/etc/rcS.d/S00plaza-guard" ]
    elif [ -d "$R/etc/cron.d" ]; then
        echo '@reboot root /etc/plaza-guard/guard late' >"$R/etc/cron.d/plaza-guard"
        chmod 644 "$R/etc/cron.d/plaza-guard"
        [ -s "$R/etc/cron.d/plaza-guard" ]
    else
        return 1
    fi
}
unit_text() {
    cat <<'END'
[Unit]
Description=Puts back what was not confirmed before the power went (Plaza)
DefaultDependencies=no
RequiresMountsFor=/etc /root /home
After=local-fs.target
Before=sysinit.target systemd-networkd.service systemd-timesyncd.service
Conflicts=shutdown.target

[Service]
Type=oneshot
ExecStart=/bin/sh /etc/plaza-guard/guard start
# What goes on with a revert that failed outlives this.
KillMode=process

[Install]
WantedBy=sysinit.target
END
}
save() { # what there is, and the names of what there is not, in one file
    files=""
    : >"$HOME_DIR/absent" || { disarm; refuse 18 "cannot save"; }
    for path in $paths; do
        if there "$path"; then files="$files ${path#/}"; else echo "$path" >>"$HOME_DIR/absent"; fi
    done
    # Not every tar fails when the disk is full: what was written is read again.
    tar -C "$R/" -czf "$HOME_DIR/rollback.new" $files etc/plaza-guard/absent etc/plaza-guard/services && sync &&
        tar -tzf "$HOME_DIR/rollback.new" >/dev/null && mv "$HOME_DIR/rollback.new" "$HOME_DIR/rollback.tgz" ||
        { disarm; refuse 18 "cannot save"; }
    sync
}
guard_runs() { [ -s "$TRIAL/guard.pid" ] && kill -0 "$(cat "$TRIAL/guard.pid")" 2>/dev/null; }
guard_lives() {
    for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        guard_runs && return
        sleep 0.1 2>/dev/null || sleep 1
    done
    return 1
}
abandon() { # STATUS TEXT, before the guard was armed
    rm -rf "$TRIAL" "$STAGE"
    refuse "$1" "$2"
}
disarm() { # what carries our own token
    named || return 0
    guard_runs && kill "$(cat "$TRIAL/guard.pid")" 2>/dev/null
    rm -rf "$HOME_DIR/rollback.new" "$HOME_DIR/rollback.tgz" "$TRIAL" "$STAGE"
}

named() { [ "$(cat "$HOME_DIR/token" 2>/dev/null)" = "$TOKEN" ]; }
ours() {
    [ -e "$HOME_DIR/rollback.tgz" ] && named || refuse 16 "no trial"
}
apply() {
    ours
    guard_lives || refuse 15 guard
    [ -d "$STAGE" ] && [ -s "$TRIAL/batch" ] || refuse 16 "nothing staged"
    n=0
    while read -r verb mode path text; do
        n=$((n + 1))
        put "$verb" "$STAGE/$n" "$R$path" || refuse 18 "cannot write $path"
    done <"$TRIAL/batch"
    rm -rf "$STAGE" "$TRIAL/batch"
    sync
    later reload
}
put() { # VERB NEW PLACE
    if [ "$1" = gone ]; then
        rm -f "$3"
    else
        [ -d "${3%/*}" ] || (umask 022; mkdir -p "${3%/*}") && mv -f "$2" "$3" || return
        ! command -v restorecon >/dev/null || restorecon "$3"  # SELinux: a file keeps the label of where it was made
    fi
}

status() {
    trial=none
    [ ! -e "$HOME_DIR/reverting" ] || trial=reverting
    [ ! -e "$HOME_DIR/rollback.tgz" ] || trial=open
    [ ! -e "$HOME_DIR/confirmed" ] || trial=confirming
    case "$trial" in
    open | reverting) # where the guard was killed nobody would end it
        busy || guard_runs || later timer "$(cat "$HOME_DIR/token")" 0
        ;;
    esac
    echo "trial=$trial"
    echo "token=$(cat "$HOME_DIR/token" 2>/dev/null)"
    [ ! -e "$TRIAL/reloaded" ] || echo "reloaded=yes"
    [ ! -e "$HOME_DIR/history" ] || grep " $TOKEN" "$HOME_DIR/history" | tail -n 1 | sed 's/^/ending=/'
}

finish() { # TOKEN whose confirmation was decided
    : >"$HOME_DIR/confirmed"  # nobody needs what it saved any more, and a full disk needs the room
    note "confirmed $1" || return
    rm -f "$HOME_DIR/confirmed"
    sync
}
confirm() {
    grep -q "^confirmed $TOKEN$" "$HOME_DIR/history" 2>/dev/null && return
    named || refuse 16 "no trial"
    if [ ! -e "$HOME_DIR/confirmed" ]; then
        mv "$HOME_DIR/rollback.tgz" "$HOME_DIR/confirmed" 2>/dev/null || refuse 16 "no trial"
    fi
    finish "$TOKEN" || refuse 18 "cannot write"
    guard_runs && kill "$(cat "$TRIAL/guard.pid")" 2>/dev/null
    rm -rf "$TRIAL" "$STAGE"
}
revert() { # whichever guard comes first reverts; the other finds nothing to do
    named && [ -e "$HOME_DIR/rollback.tgz" ] || return 0
    later timer "$TOKEN" 0
}
