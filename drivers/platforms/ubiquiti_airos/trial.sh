# The device's side of a change: functions that Plaza calls over SSH, one act per call.
# Set before: for arm and preview BATCH_SHA256 BATCH_MD5, for arm TOKEN REVERT_S FINGERPRINT GUARD_SHA256
# GUARD_MD5, functions batch_text guard_text.
# All but the history lives in memory, as the trial itself: a power cycle brings back what flash holds.
# The batch is a line per key: key=value, or -key for one that is not to be there.
R="${PLAZA_ROOT:-}"
CFG="$R/tmp/system.cfg"
TRIAL="$R/tmp/plaza"
KEPT="$R/etc/persistent/plaza"
LOCK="$R/tmp/plaza.lock"
PATH="$PATH:/usr/sbin:/sbin:/usr/bin:/bin"
umask 077

refuse() { # STATUS TEXT
    echo "$2" >&2
    exit "$1"
}
digest() { # not every airOS has sha256sum
    if command -v sha256sum >/dev/null; then sha256sum; else md5sum; fi | cut -d' ' -f1
}
whole() { # FILE SHA256 MD5
    sum=$(digest <"$1")
    [ "$sum" = "$2" ] || [ "$sum" = "$3" ]
}
note() { # one line of what became of each trial, the last 20
    mkdir -p "$KEPT" && { tail -n 19 "$KEPT/history" 2>/dev/null; echo "$1"; } >"$KEPT/history.new" &&
        mv "$KEPT/history.new" "$KEPT/history"
}
later() { # runs the guard detached from this login
    if command -v setsid >/dev/null; then
        (setsid /bin/sh "$TRIAL/guard" "$@" &) </dev/null >/dev/null 2>&1 && return
    fi
    (trap '' HUP; exec /bin/sh "$TRIAL/guard" "$@") </dev/null >/dev/null 2>&1 &
}
edit() { # BATCH; each key in its old place or at the end
    awk '
        { key = $0; sub(/=.*/, "", key) }
        FNR == NR {
            if (substr($0, 1, 1) == "-") { ours[substr($0, 2)] = 1; next }
            ours[key] = 1; want[key] = $0; order[++n] = key
            next
        }
        !(key in ours) { print; next }
        (key in want) && !(key in done) { print want[key]; done[key] = 1 }
        END { for (i = 1; i <= n; i++) if (!(order[i] in done)) print want[order[i]] }
    ' "$1" "$CFG"
}

read_state() {
    [ -f "$CFG" ] || refuse 17 "$CFG"
    echo "fingerprint $(digest <"$CFG")"
    cat "$CFG"
}
board() { # NAME in board.info
    sed -n "s/^board\.$1=//p" "$R/etc/board.info" 2>/dev/null | head -n 1 | tr -d '\r'
}
about() { # what this device is; behind it the keys that somebody changed and that do not work yet
    echo "plaza facts"
    printf 'model %s\nserial %s\n' "$(board name)" "$(board hwaddr)"
    printf 'version %s\n' "$(head -n 1 "$R/etc/version" 2>/dev/null | tr -d '\r')"
    echo "plaza end"
    [ ! -f "$R/tmp/running.cfg" ] || awk '
        { key = $0; sub(/=.*/, "", key) }
        FNR == NR { runs[$0] = 1; ran[key] = 1; next }
        { wished[key] = 1 }
        !($0 in runs) { print key }
        END { for (key in ran) if (!(key in wished)) print key }
    ' "$R/tmp/running.cfg" "$CFG"
}
on_air() { # says nothing where the radio cannot be asked
    command -v iwconfig >/dev/null || return 0
    iwconfig "$(sed -n 's/^wireless\.1\.devname=\([a-z0-9]*\)$/\1/p' "$CFG")" 2>/dev/null || return 0
}
receive() { # DIRECTORY
    batch_text >"$1/batch" && whole "$1/batch" "$BATCH_SHA256" "$BATCH_MD5"
}
preview() { # what would change, as the device's own diff says; nothing stays
    command -v diff >/dev/null || return 0
    look="$R/tmp/plaza-preview.$$"
    trap 'rm -rf "$look"' EXIT
    mkdir "$look" || refuse 18 "cannot write"
    receive "$look" || refuse 12 "batch damaged"
    edit "$look/batch" >"$look/new" || refuse 18 "cannot write"
    diff -U 0 "$CFG" "$look/new" | sed '1s/.*/--- system.cfg/; 2s/.*/+++ system.cfg (wanted)/'
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
nothing_open() { [ ! -e "$TRIAL/rollback.cfg" ] && [ ! -e "$TRIAL/reverting" ]; }
applied() { # whether what is to run runs; the order of lines is of no matter
    [ -f "$R/tmp/running.cfg" ] || return 0
    [ "$(sort "$CFG" | digest)" = "$(sort "$R/tmp/running.cfg" | digest)" ]
}
arm() {
    alone || refuse 11 open
    nothing_open || refuse 11 open
    [ ! -e "$TRIAL/confirmed" ] || finish "$(cat "$TRIAL/token")" || refuse 18 "cannot write to flash"
    applied || refuse 10 pending
    [ "$(digest <"$CFG")" = "$FINGERPRINT" ] || refuse 14 changed
    rm -rf "$TRIAL"
    mkdir -p "$TRIAL" || refuse 18 "cannot write"
    receive "$TRIAL" || abandon 12 "batch damaged"
    edit "$TRIAL/batch" >"$TRIAL/new.cfg" || abandon 18 "cannot write"
    # A full memory cuts a file off without a word.
    edit "$TRIAL/batch" | cmp -s - "$TRIAL/new.cfg" || abandon 18 "cannot write"
    ! cmp -s "$CFG" "$TRIAL/new.cfg" || abandon 13 "nothing to change"
    guard_text >"$TRIAL/guard"
    whole "$TRIAL/guard" "$GUARD_SHA256" "$GUARD_MD5" || abandon 12 "guard damaged"
    nothing_open || refuse 11 open  # whoever overwrites the token of a trial takes its guard away
    echo "$TOKEN" >"$TRIAL/token" || abandon 18 "cannot write"
    later timer "$TOKEN" "$REVERT_S"
    cp -p "$CFG" "$TRIAL/rollback.new" && cmp -s "$CFG" "$TRIAL/rollback.new" &&
        mv "$TRIAL/rollback.new" "$TRIAL/rollback.cfg" || { disarm; refuse 18 "cannot save"; }
    guard_lives || { disarm; refuse 15 guard; }
    [ "$(digest <"$CFG")" = "$FINGERPRINT" ] || { disarm; refuse 14 changed; }
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
    rm -rf "$TRIAL"
    refuse "$1" "$2"
}
disarm() { # what carries our own token
    named || return 0
    guard_runs && kill "$(cat "$TRIAL/guard.pid")" 2>/dev/null
    rm -rf "$TRIAL"
}

named() { [ "$(cat "$TRIAL/token" 2>/dev/null)" = "$TOKEN" ]; }
ours() {
    [ -e "$TRIAL/rollback.cfg" ] && named || refuse 16 "no trial"
}
apply() {
    ours
    guard_lives || refuse 15 guard
    [ -s "$TRIAL/new.cfg" ] || refuse 16 "nothing staged"
    mv "$TRIAL/new.cfg" "$CFG" || refuse 18 "cannot write"
    rm -f "$TRIAL/batch"
    later reload
}

status() {
    trial=none
    [ ! -e "$TRIAL/reverting" ] || trial=reverting
    [ ! -e "$TRIAL/rollback.cfg" ] || trial=open
    [ ! -e "$TRIAL/confirmed" ] || trial=confirming
    case "$trial" in
    open | reverting) # where the guard was killed nobody would end it
        busy || guard_runs || later timer "$(cat "$TRIAL/token")" 0
        ;;
    esac
    echo "trial=$trial"
    echo "token=$(cat "$TRIAL/token" 2>/dev/null)"
    [ ! -e "$TRIAL/reloaded" ] || echo "reloaded=yes"
    [ ! -e "$KEPT/history" ] || grep " $TOKEN" "$KEPT/history" | tail -n 1 | sed 's/^/ending=/'
}

finish() { # TOKEN whose confirmation was decided; the history goes to flash with the configuration, or neither
    cp "$KEPT/history" "$TRIAL/history" 2>/dev/null
    note "confirmed $1" && cfgmtd -w -p /etc/ >/dev/null 2>&1 || {
        rm -f "$KEPT/history"
        [ ! -e "$TRIAL/history" ] || cp "$TRIAL/history" "$KEPT/history"
        return 1
    }
    rm -f "$TRIAL/confirmed"
}
confirm() {
    grep -q "^confirmed $TOKEN$" "$KEPT/history" 2>/dev/null && [ ! -e "$TRIAL/confirmed" ] && return
    named || refuse 16 "no trial"
    if [ ! -e "$TRIAL/confirmed" ]; then
        mv "$TRIAL/rollback.cfg" "$TRIAL/confirmed" 2>/dev/null || refuse 16 "no trial"
    fi
    finish "$TOKEN" || refuse 19 "cfgmtd"
    guard_runs && kill "$(cat "$TRIAL/guard.pid")" 2>/dev/null
    rm -rf "$TRIAL"
}
revert() { # whichever guard comes first reverts; the other finds nothing to do
    named && [ -e "$TRIAL/rollback.cfg" ] || return 0
    later timer "$TOKEN" 0
}
