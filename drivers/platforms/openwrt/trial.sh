# The device's side of a change: functions that Plaza calls over SSH, one act per call.
# Set before: TOKEN REVERT_S PACKAGES OPTIONAL CONSULTED FILES BLOCKS FINGERPRINT LOGIN_KEY BATCH_SHA256
# REVOKED_SHA256 GUARD_SHA256 AIR_SHA256, functions batch_text guard_text air_text revoked_text and
# block_NAME_text for each of BLOCKS.
# FILES: NAME:OPTION:SERVICE:PATH of each file in which we own the lines between two marks. BLOCKS: NAME:SHA256.
R="${PLAZA_ROOT:-}"
C="$R/etc/config"
HOME_DIR="$R/etc/plaza"
TRIAL="$R/tmp/plaza"
LOCK="$R/tmp/plaza.lock"
RPCD="$R/var/run/rpcd"
BEGIN="# plaza: begin"
END="# plaza: end"
QUOTED="s/'/'\\\\''/g"
PATH="$PATH:/usr/sbin:/sbin:/usr/bin:/bin"
umask 077

staged() { uci -c "$C" -t "$TRIAL/stage" "$@"; }
digest() { sha256sum | cut -d' ' -f1; }
refuse() { # STATUS TEXT
    echo "$2" >&2
    exit "$1"
}
later() { # runs the guard detached from this login
    # Without -p it would take any running /bin/sh for ours and start nothing.
    set -- "$HOME_DIR/guard" "$@"
    start-stop-daemon -S -b -p "$TRIAL/none.pid" -x /bin/sh -- "$@" </dev/null >/dev/null 2>&1 && return
    (trap '' HUP; exec /bin/sh "$@") </dev/null >/dev/null 2>&1 &
}
note() { # one line of what became of each trial, the last 20
    { tail -n 19 "$HOME_DIR/history" 2>/dev/null; echo "$1"; } >"$HOME_DIR/history.new" &&
        mv "$HOME_DIR/history.new" "$HOME_DIR/history"
}

packages() { # all that we write: PACKAGES, and those of OPTIONAL that are installed
    echo "$PACKAGES"
    for package in $OPTIONAL; do
        [ ! -f "$C/$package" ] || echo "$package"
    done
}
split() { # one of FILES, into name option service path
    name=${1%%:*}
    path=${1#*:}
    option=${path%%:*}
    path=${path#*:}
    service=${path%%:*}
    path=${path#*:}
}
file_named() {
    for each in $FILES; do
        split "$each"
        [ "$name" != "$1" ] || return 0
    done
    return 1
}
fingerprint() { # of every octet that a revert would put back
    {
        (cd "$C" && cat $(packages))
        for each in $FILES; do
            split "$each"
            echo "$path"
            [ ! -f "$R/$path" ] || cat "$R/$path"
        done
    } | digest
}
parts() { # inside|outside FILE: our lines, or all others; a mark without its other half is nobody's
    [ -f "$2" ] || return 0
    awk -v begin="$BEGIN" -v end="$END" -v inside="$([ "$1" = outside ] || echo yes)" '
        function others() { if (!inside) printf "%s", held; held = "" }
        $0 == begin { others(); open = 1; next }
        $0 == end { if (open && inside) printf "%s", held; held = ""; open = 0; next }
        open { held = held $0 "\n"; next }
        !inside { print }
        END { others() }' "$2"
}

read_config() {
    for package in $PACKAGES; do
        [ -f "$C/$package" ] || refuse 17 "$package"
    done
    echo "fingerprint $(fingerprint)"
    for package in $(packages) $CONSULTED; do
        [ ! -f "$C/$package" ] || uci -c "$C" -t "$TRIAL/none" export "$package" || refuse 18 "$package"
    done
    echo "package files"
    for each in $FILES; do
        split "$each"
        lines=$(parts inside "$R/$path")
        [ -n "$lines" ] || continue
        printf "\nconfig block '%s'\n" "$name"
        printf '%s\n' "$lines" | sed "$QUOTED; s/^/	list $option '/; s/\$/'/"
    done
    file_named authorized_keys || return 0
    lines=$(parts outside "$R/$path" | grep -v '^[[:space:]]*\(#\|$\)')
    [ -n "$lines" ] || return 0
    printf "\nconfig block 'authorized_keys_others'\n"
    printf '%s\n' "$lines" | sed "$QUOTED; s/^/	list $option '/; s/\$/'/"
}
first() { # line of a FILE, where there is one
    [ ! -r "$1" ] || head -n 1 "$1" | tr -d '\000\r'
}
released() { # NAME in openwrt_release
    sed -n "s/^$1=//p" "$R/etc/openwrt_release" 2>/dev/null | head -n 1 | tr -d "'\"\r"
}
free_kib() { # on the file system of a FOLDER; the name of a device may take a line of its own
    df -k "$1" 2>/dev/null | awk 'NR > 1 { line = line " " $0 } END { if (split(line, f) > 4) print f[split(line, f) - 2] }'
}
about() { # what this device is; behind it what others have staged, as uci prints it
    store="$R/overlay"
    [ -d "$store" ] || store="$R/"
    version=$(released DISTRIB_RELEASE)
    [ "$version" != SNAPSHOT ] || version="SNAPSHOT $(released DISTRIB_REVISION)"
    echo "plaza facts"
    printf 'model %s\nboard %s\n' "$(first "$R/tmp/sysinfo/model")" "$(first "$R/tmp/sysinfo/board_name")"
    printf 'version %s\nserial %s\n' "$version" "$(first "$R/proc/device-tree/serial-number")"
    echo "free_kib $(free_kib "$store")"
    echo "plaza end"
    [ -s "$TRIAL/sid" ] || ! rpcd_waits || echo rpcd  # what waits in a trial is ours
    uci -c "$C" -t "$R/tmp/.uci" changes 2>/dev/null || return 0
}
on_air() { # says nothing where netifd cannot be asked
    command -v ubus >/dev/null || return 0
    ubus call network.wireless status 2>/dev/null || return 0
}
preview() { # what uci itself says a change would do, in a folder that is gone afterwards
    scratch="$R/tmp/plaza-preview.$$"
    trap 'rm -rf "$scratch"' EXIT
    mkdir -p "$scratch/stage" || refuse 18 "cannot write"
    batch_text >"$scratch/batch" || refuse 18 "cannot write"
    said=$(uci -c "$C" -t "$scratch/stage" batch <"$scratch/batch" 2>&1)
    [ -z "$said" ] || refuse 13 "$said"
    uci -c "$C" -t "$scratch/stage" changes
}

arm() {
    alone || refuse 11 open
    [ -z "$(uci -c "$C" -t "$R/tmp/.uci" changes 2>&1)" ] || refuse 10 pending
    nothing_open || refuse 11 open
    ! rpcd_waits || refuse 19 pending
    [ "$(fingerprint)" = "$FINGERPRINT" ] || refuse 14 changed
    [ ! -e "$HOME_DIR/confirmed" ] || finish "$(cat "$HOME_DIR/token")" || refuse 18 "cannot write"
    rm -rf "$TRIAL"
    mkdir -p "$TRIAL/stage" "$TRIAL/files" "$HOME_DIR" "$R/etc/rc.d" || refuse 18 "cannot write"
    stage
    stage_files
    install guard guard_text "$GUARD_SHA256"
    install air air_text "$AIR_SHA256"
    [ -x "$R/etc/rc.d/S11plaza-guard" ] || ln -sf ../plaza/guard "$R/etc/rc.d/S11plaza-guard"
    [ -x "$R/etc/rc.d/S11plaza-guard" ] || abandon 18 "no boot hook"
    echo "$REVERT_S" >"$TRIAL/seconds" || abandon 18 "cannot write"
    nothing_open || refuse 11 open  # whoever overwrites the token of a trial takes its guard away
    echo "$TOKEN" >"$HOME_DIR/token" || abandon 18 "cannot write"
    later timer "$TOKEN" "$REVERT_S"
    save
    guard_lives || { disarm; refuse 15 guard; }
    [ "$(fingerprint)" = "$FINGERPRINT" ] || { disarm; refuse 14 changed; }
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
stage() {
    batch_text >"$TRIAL/batch"
    [ "$(digest <"$TRIAL/batch")" = "$BATCH_SHA256" ] || abandon 12 "batch damaged"
    # `uci batch` exits 0 although lines fail: whatever it says is a failure.
    said=$(staged batch <"$TRIAL/batch" 2>&1)
    [ -z "$said" ] || abandon 13 "$said"
    [ ! -s "$TRIAL/batch" ] || [ -n "$(staged changes)" ] || abandon 13 "no change was staged"
}
stage_files() { # the whole new file of each block
    for wanted in $BLOCKS; do
        file_named "${wanted%%:*}" || abandon 18 "$wanted"
        block="$TRIAL/block"
        "block_${name}_text" >"$block"
        [ "$(digest <"$block")" = "${wanted#*:}" ] || abandon 12 "$name damaged"
        {
            parts outside "$R/$path" && { [ ! -s "$block" ] || { echo "$BEGIN" && cat "$block" && echo "$END"; }; }
        } >"$TRIAL/files/$name" || abandon 18 "$name"
        [ "$service" = - ] || echo "$service" >>"$TRIAL/services"
        [ "$name" != authorized_keys ] || keeps_login || abandon 20 "$path"
    done
    [ -z "$REVOKED_SHA256" ] || take_out
}
take_out() { # of the file of keys those lines that hold a revoked one; all others stay as they are
    file_named authorized_keys || abandon 18 authorized_keys
    new="$TRIAL/files/$name"
    revoked_text >"$TRIAL/revoked"
    [ "$(digest <"$TRIAL/revoked")" = "$REVOKED_SHA256" ] || abandon 12 "revoked keys damaged"
    [ -f "$new" ] || cp "$R/$path" "$new" || abandon 18 "$path"
    awk 'FNR == NR { gone[$0]; next } !($0 in gone)' "$TRIAL/revoked" "$new" >"$TRIAL/left" &&
        mv "$TRIAL/left" "$new" || abandon 18 "$path"
    keeps_login || abandon 20 "$path"
}
keeps_login() { # the key of this very login stays where it is
    [ -n "$LOGIN_KEY" ] && admits "$R/$path" || return 0
    admits "$TRIAL/files/$name"
}
admits() { [ -f "$1" ] && grep -v '^[[:space:]]*#' "$1" | grep -qF -- "$LOGIN_KEY"; }
install() { # NAME FUNCTION SHA256: a program of ours
    "$2" >"$TRIAL/$1"
    [ "$(digest <"$TRIAL/$1")" = "$3" ] || abandon 12 "$1 damaged"
    ! cmp -s "$TRIAL/$1" "$HOME_DIR/$1" || return 0
    cp "$TRIAL/$1" "$HOME_DIR/$1.new" && chmod 755 "$HOME_DIR/$1.new" && mv "$HOME_DIR/$1.new" "$HOME_DIR/$1" ||
        { rm -f "$HOME_DIR/$1.new"; abandon 18 "cannot write"; }
}
save() { # everything the trial may touch, and which of it is not there yet
    files="tmp/plaza/absent"
    : >"$TRIAL/absent"
    for package in $(packages); do files="$files etc/config/$package"; done
    for each in $FILES; do
        split "$each"
        if [ -f "$R/$path" ]; then files="$files $path"; else echo "$path" >>"$TRIAL/absent"; fi
    done
    # Not every tar fails when the disk is full: what was written is read again.
    tar -C "$R/" -czf "$HOME_DIR/rollback.new" $files && sync && tar -tzf "$HOME_DIR/rollback.new" >/dev/null &&
        mv "$HOME_DIR/rollback.new" "$HOME_DIR/rollback.tgz" || { disarm; refuse 18 "cannot save"; }
    sync
}
guard_runs() { [ -s "$TRIAL/guard.pid" ] && kill -0 "$(cat "$TRIAL/guard.pid")" 2>/dev/null; }
guard_lives() {
    for try in 1 2 3 4 5 6 7 8 9 10; do
        guard_runs && return
        sleep 0.1 2>/dev/null || sleep 1  # not every BusyBox sleeps a part of a second
    done
    return 1
}
abandon() { # STATUS TEXT, before the guard was armed
    rm -rf "$TRIAL"
    refuse "$1" "$2"
}
disarm() { # what carries our own token
    named || return 0
    guard_lives && kill "$(cat "$TRIAL/guard.pid")" 2>/dev/null
    rm -rf "$HOME_DIR/rollback.new" "$HOME_DIR/rollback.tgz" "$TRIAL"
}

# rpcd, where it is there, commits and starts a timer of its own beside the guard's, a little later than that.
# It forgets its timer when it restarts, and knows nothing of our files: the guard stays the authority.
rpcd_here() {
    command -v rpcd >/dev/null && command -v ubus >/dev/null &&
        [ "$(ubus list uci 2>/dev/null)" = uci ] && [ "$(ubus list session 2>/dev/null)" = session ]
}
rpcd_waits() { # whether a change of somebody else waits for a confirmation: nobody's is denied, none is no data
    rpcd_here || return 1
    ubus call uci confirm '{"ubus_rpc_session":"00000000000000000000000000000000"}' >/dev/null 2>&1
    [ $? = 6 ]
}
rpcd_commits() {
    [ -s "$TRIAL/batch" ] && rpcd_here || return 1
    sid=$(ubus call session create '{"timeout":300}' | sed -n 's/.*"ubus_rpc_session": *"\([0-9a-f]*\)".*/\1/p')
    [ -n "$sid" ] && echo "$sid" >"$TRIAL/sid" || return 1
    all='[["*","read"],["*","write"]]'
    ubus call session grant "{\"ubus_rpc_session\":\"$sid\",\"scope\":\"uci\",\"objects\":$all}" >/dev/null 2>&1
    # What a session has set lies in its folder as uci writes it, with nothing to translate into JSON.
    mkdir -p "$RPCD/uci-$sid" && cp "$TRIAL/stage/"* "$RPCD/uci-$sid/" || refuse 18 "cannot write"
    ubus call uci apply "{\"ubus_rpc_session\":\"$sid\",\"rollback\":true,\"timeout\":$(cat "$TRIAL/seconds")}" \
        >/dev/null 2>&1
    case $? in
    0) return 0 ;;
    6) refuse 19 pending ;;
    esac
    rpcd_forgets
    return 1
}
rpcd_forgets() {
    ubus call session destroy "{\"ubus_rpc_session\":\"$(cat "$TRIAL/sid")\"}" >/dev/null 2>&1
    rm -f "$TRIAL/sid"
}
rpcd_confirms() { # 1 when it has nothing to confirm: it reverted, or forgot
    [ -s "$TRIAL/sid" ] || return 0
    ubus call uci confirm "{\"ubus_rpc_session\":\"$(cat "$TRIAL/sid")\"}" >/dev/null 2>&1 || return 1
    rpcd_forgets
}

named() { [ "$(cat "$HOME_DIR/token" 2>/dev/null)" = "$TOKEN" ]; }
ours() {
    [ -e "$HOME_DIR/rollback.tgz" ] && named || refuse 16 "no trial"
}
apply() {
    ours
    guard_lives || refuse 15 guard
    [ -d "$TRIAL/stage" ] || refuse 16 "nothing staged"
    trap '' HUP PIPE  # what is committed may cut this login; the rest is done all the same
    put_files
    rpcd_commits || for package in $(packages); do
        said=$(staged commit "$package" 2>&1)
        [ -z "$said" ] || refuse 13 "$said"
    done
    fingerprint >"$TRIAL/applied"
    rm -rf "$TRIAL/stage" "$TRIAL/batch" "$TRIAL/files"
    sync
    later reload
}
put_files() { # each at once or not at all, with the mode it had
    for file in "$TRIAL"/files/*; do
        [ -f "$file" ] || continue
        file_named "${file##*/}"
        new="$HOME_DIR/file.new"
        mkdir -p "$R/${path%/*}" && rm -f "$new" && { [ ! -f "$R/$path" ] || cp -p "$R/$path" "$new"; } &&
            cat "$file" >"$new" && mv "$new" "$R/$path" || { rm -f "$new"; refuse 18 "$path"; }
    done
}

status() {
    trial=none
    [ ! -e "$HOME_DIR/reverting" ] || trial=reverting
    [ ! -e "$HOME_DIR/rollback.tgz" ] || trial=open
    [ ! -e "$HOME_DIR/confirmed" ] || trial=confirming
    busy || guard_runs || abandoned "$trial"
    echo "trial=$trial"
    echo "token=$(cat "$HOME_DIR/token" 2>/dev/null)"
    [ ! -e "$TRIAL/reloaded" ] || echo "reloaded=yes"
    [ ! -e "$HOME_DIR/history" ] || grep " $TOKEN" "$HOME_DIR/history" | tail -n 1 | sed 's/^/ending=/'
}

abandoned() { # a trial whose guard was killed has nobody else who would end it
    case "$1" in
    open) later timer "$(cat "$HOME_DIR/token")" 0 ;;
    reverting) later again timer ;;
    esac
}

finish() { # TOKEN whose confirmation was decided
    : >"$HOME_DIR/confirmed"  # nobody needs what it saved any more, and a full disk needs the room
    note "confirmed $1" || return 1
    rm -f "$HOME_DIR/confirmed"
    sync
}
confirm() {
    grep -q "^confirmed $TOKEN$" "$HOME_DIR/history" 2>/dev/null && return
    named || refuse 16 "no trial"
    if [ ! -e "$HOME_DIR/confirmed" ]; then
        [ -e "$HOME_DIR/rollback.tgz" ] || refuse 16 "no trial"
        rpcd_confirms || [ "$(fingerprint)" = "$(cat "$TRIAL/applied")" ] || { revert; refuse 16 "rpcd reverted"; }
        mv "$HOME_DIR/rollback.tgz" "$HOME_DIR/confirmed" 2>/dev/null || refuse 16 "no trial"
    fi
    finish "$TOKEN"
    guard_runs && kill "$(cat "$TRIAL/guard.pid")" 2>/dev/null
    rm -rf "$TRIAL"
}
revert() { # whichever guard comes first reverts; the other finds nothing to do
    named && [ -e "$HOME_DIR/rollback.tgz" ] || return 0
    later timer "$TOKEN" 0
}
