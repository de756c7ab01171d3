# The device's side of a change: functions that Plaza calls over SSH, one act per call.
# Set before: TOKEN REVERT_S PACKAGES CONSULTED FINGERPRINT BATCH_SHA256 GUARD_SHA256, functions batch_text guard_text.
R="${PLAZA_ROOT:-}"
C="$R/etc/config"
HOME_DIR="$R/etc/plaza"
TRIAL="$R/tmp/plaza"
PATH="$PATH:/usr/sbin:/sbin:/usr/bin:/bin"
umask 077

staged() { uci -c "$C" -t "$TRIAL/stage" "$@"; }
digest() { sha256sum | cut -d' ' -f1; }
fingerprint() { (cd "$C" && cat $PACKAGES) | digest; }
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
    { tail -n 19 "$HOME_DIR/history" 2>/dev/null; echo "$1"; } >"$HOME_DIR/history.new"
    mv "$HOME_DIR/history.new" "$HOME_DIR/history"
}

read_config() {
    for package in $PACKAGES; do
        [ -f "$C/$package" ] || refuse 17 "$package"
    done
    echo "fingerprint $(fingerprint)"
    for package in $PACKAGES; do
        uci -c "$C" -t "$TRIAL/none" export "$package" || refuse 18 "$package"
    done
    for package in $CONSULTED; do
        [ ! -f "$C/$package" ] || uci -c "$C" -t "$TRIAL/none" export "$package" || refuse 18 "$package"
    done
}
on_air() { # says nothing where netifd cannot be asked
    command -v ubus >/dev/null || return 0
    ubus call network.wireless status 2>/dev/null || return 0
}

arm() {
    [ -z "$(uci -c "$C" -t "$R/tmp/.uci" changes 2>&1)" ] || refuse 10 pending
    [ ! -e "$HOME_DIR/rollback.tgz" ] && [ ! -e "$HOME_DIR/reverting" ] || refuse 11 open
    [ "$(fingerprint)" = "$FINGERPRINT" ] || refuse 14 changed
    [ ! -e "$HOME_DIR/confirmed" ] || finish "$(cat "$HOME_DIR/token")"
    rm -rf "$TRIAL"
    mkdir -p "$TRIAL/stage" "$HOME_DIR" "$R/etc/rc.d" || refuse 18 "cannot write"
    stage
    install_guard
    echo "$TOKEN" >"$HOME_DIR/token"
    later timer "$TOKEN" "$REVERT_S"
    save
    guard_lives || { disarm; refuse 15 guard; }
}
stage() {
    batch_text >"$TRIAL/batch"
    [ "$(digest <"$TRIAL/batch")" = "$BATCH_SHA256" ] || abandon 12 "batch damaged"
    # `uci batch` exits 0 although lines fail: whatever it says is a failure.
    said=$(staged batch <"$TRIAL/batch" 2>&1)
    [ -z "$said" ] || abandon 13 "$said"
    [ -n "$(staged changes)" ] || abandon 13 "no change was staged"
}
install_guard() {
    guard_text >"$TRIAL/guard"
    [ "$(digest <"$TRIAL/guard")" = "$GUARD_SHA256" ] || abandon 12 "guard damaged"
    if ! cmp -s "$TRIAL/guard" "$HOME_DIR/guard"; then
        cp "$TRIAL/guard" "$HOME_DIR/guard.new" || abandon 18 "cannot write"
        chmod 755 "$HOME_DIR/guard.new"
        mv "$HOME_DIR/guard.new" "$HOME_DIR/guard"
    fi
    [ -x "$R/etc/rc.d/S11plaza-guard" ] || ln -sf ../plaza/guard "$R/etc/rc.d/S11plaza-guard"
    [ -x "$R/etc/rc.d/S11plaza-guard" ] || abandon 18 "no boot hook"
}
save() {
    files=""
    for package in $PACKAGES; do files="$files etc/config/$package"; done
    tar -C "$R/" -czf "$HOME_DIR/rollback.new" $files || { disarm; refuse 18 "cannot save"; }
    sync
    mv "$HOME_DIR/rollback.new" "$HOME_DIR/rollback.tgz"
    sync
}
guard_lives() {
    for try in 1 2 3 4 5 6 7 8 9 10; do
        [ -s "$TRIAL/guard.pid" ] && kill -0 "$(cat "$TRIAL/guard.pid")" 2>/dev/null && return
        sleep 0.1 2>/dev/null || sleep 1  # not every BusyBox sleeps a part of a second
    done
    return 1
}
abandon() { # STATUS TEXT, before the guard was armed
    rm -rf "$TRIAL"
    refuse "$1" "$2"
}
disarm() {
    [ -s "$TRIAL/guard.pid" ] && kill "$(cat "$TRIAL/guard.pid")" 2>/dev/null
    rm -rf "$HOME_DIR/rollback.new" "$HOME_DIR/rollback.tgz" "$TRIAL"
}

named() { [ "$(cat "$HOME_DIR/token" 2>/dev/null)" = "$TOKEN" ]; }
ours() {
    [ -e "$HOME_DIR/rollback.tgz" ] && named || refuse 16 "no trial"
}
apply() {
    ours
    guard_lives || refuse 15 guard
    [ -d "$TRIAL/stage" ] || refuse 16 "nothing staged"
    for package in $PACKAGES; do
        said=$(staged commit "$package" 2>&1)
        [ -z "$said" ] || refuse 13 "$said"
    done
    rm -rf "$TRIAL/stage" "$TRIAL/batch"
    sync
    later reload
}

status() {
    trial=none
    [ ! -e "$HOME_DIR/reverting" ] || trial=reverting
    [ ! -e "$HOME_DIR/rollback.tgz" ] || trial=open
    [ ! -e "$HOME_DIR/confirmed" ] || trial=confirming
    echo "trial=$trial"
    echo "token=$(cat "$HOME_DIR/token" 2>/dev/null)"
    [ ! -e "$TRIAL/reloaded" ] || echo "reloaded=yes"
    [ ! -e "$HOME_DIR/history" ] || grep " $TOKEN" "$HOME_DIR/history" | tail -n 1 | sed 's/^/ending=/'
}

finish() { # TOKEN whose confirmation was decided
    note "confirmed $1"
    rm -f "$HOME_DIR/confirmed"
    sync
}
confirm() {
    grep -q "^confirmed $TOKEN$" "$HOME_DIR/history" 2>/dev/null && return
    named || refuse 16 "no trial"
    if [ ! -e "$HOME_DIR/confirmed" ]; then
        mv "$HOME_DIR/rollback.tgz" "$HOME_DIR/confirmed" 2>/dev/null || refuse 16 "no trial"
    fi
    finish "$TOKEN"
    [ -s "$TRIAL/guard.pid" ] && kill "$(cat "$TRIAL/guard.pid")" 2>/dev/null
    rm -rf "$TRIAL"
}
revert() { # whichever guard comes first reverts; the other finds nothing to do
    named && [ -e "$HOME_DIR/rollback.tgz" ] || return 0
    later timer "$TOKEN" 0
}
