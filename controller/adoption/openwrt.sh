# Asks Plaza to take this device in, until it did or a day has passed; then nothing of this is left.
# Set before: NAME MAC CLAIM URL EXPIRES INNER OUTER. INNER and OUTER are the token, never sent anywhere.
R="${PLAZA_ROOT:-}"
SELF="$R/etc/plaza/claim"
HOOK="$R/etc/rc.d/S99plaza-claim"
KEYS="$R/etc/dropbear/authorized_keys"
LOCK="$R/tmp/plaza-claim.lock"
DAY_S=86400
PATH="$PATH:/usr/sbin:/sbin:/usr/bin:/bin"
umask 077

digest() { sha256sum | cut -c1-64; }
octets() { # hexadecimal digits as octets
    digits=$1
    while [ -n "$digits" ]; do
        rest=${digits#??}
        printf "\\$(printf '%03o' "0x${digits%"$rest"}")"
        digits=$rest
    done
}
sign() { # PURPOSE, text on stdin: HMAC-SHA256
    inner=$({ printf '%s%s\n' "$INNER" "$1"; cat; } | digest)
    { printf '%s' "$OUTER"; octets "$inner"; } | digest
}

one_line() { tr -cd ' -~' | cut -c1-64; }
first_of() { head -n 1 "$R/$1" 2>/dev/null | one_line; }
release() { sed -n "s/^DISTRIB_RELEASE=['\"]\([^'\"]*\).*/\1/p" "$R/etc/openwrt_release" 2>/dev/null | one_line; }
own_mac() { # the one that it was sold with, if it is this box; else one that it has
    macs=$({
        [ ! -f "$R/lib/functions/system.sh" ] ||
            (. "$R/lib/functions.sh"; . "$R/lib/functions/system.sh"; get_mac_label) 2>/dev/null
        cat "$R"/sys/class/net/*/address "$R"/sys/class/ieee80211/*/macaddress 2>/dev/null
    } | tr A-F a-f)
    case "$macs" in
    *"$MAC"*) echo "$MAC" ;;
    *) echo "$macs" | grep -v '^00:00:00:00:00:00' | head -n 1 ;;
    esac
}
host_key() {
    for kind in ed25519 rsa; do
        [ -s "$R/etc/dropbear/dropbear_${kind}_host_key" ] || continue
        dropbearkey -y -f "$R/etc/dropbear/dropbear_${kind}_host_key" 2>/dev/null |
            sed -n 's/^\(ssh-[a-z0-9-]* [A-Za-z0-9+\/=]*\).*/\1/p'
        return
    done
}

# A box from the factory has no clock and often no certificates: what is said is signed, both ways, instead.
post() { # TEXT: what the edge answers
    if command -v uclient-fetch >/dev/null; then
        uclient-fetch -q -T 20 --no-check-certificate --post-data="$1" -O - "$URL"
    elif command -v curl >/dev/null; then
        curl -s -f -k -m 20 --data-binary "$1" "$URL"
    else
        wget -q --no-check-certificate --post-data="$1" -O - "$URL"
    fi 2>/dev/null
}
ask() { # STEP: the text that Plaza answers; status 1 when there is none, or somebody else's
    text="plaza-claim-1
step=$1
claim=$CLAIM
device=$NAME
mac=$mac
model=$(first_of tmp/sysinfo/model)
version=$(release)
serial=$(first_of proc/device-tree/serial-number)
hostkey=$key"
    heard=$(post "$text
signature=$(printf '%s' "$text" | sign claim-question)") || return 1
    said=${heard%
signature=*}
    [ "${heard##*
signature=}" = "$(printf '%s' "$said" | sign claim-answer)" ] || return 1
    case "$said" in *"
step=$1
"*) printf '%s\n' "$said" ;;
    *) return 1 ;;
    esac
}

let_in() { # LINE of authorized_keys
    mkdir -p "${KEYS%/*}"
    if ! grep -qxF "$1" "$KEYS" 2>/dev/null; then
        [ -z "$(tail -c 1 "$KEYS" 2>/dev/null)" ] || echo >>"$KEYS"
        echo "$1" >>"$KEYS"
    fi
    chmod 600 "$KEYS"
}
rename() {
    uci -q -c "$R/etc/config" set "system.@system[0].hostname=$NAME" &&
        uci -q -c "$R/etc/config" commit system
    echo "$NAME" 2>/dev/null >"$R/proc/sys/kernel/hostname"
}
claim() {
    mac=$(own_mac)
    key=$(host_key)
    [ -n "$mac" ] && [ -n "$key" ] || return 1
    ours=$(ask hello | sed -n 's/^key=\(ssh-[ -~]*\)$/\1/p')
    [ -n "$ours" ] || return 1
    let_in "$ours"
    rename
    ask done >/dev/null
}
forget() {
    rm -f "$SELF" "$HOOK" "$R/etc/uci-defaults/99-plaza"
    rmdir "$R/etc/plaza" "$LOCK" 2>/dev/null
}
over() { # a day has passed; a box without a clock counts for itself
    [ "$waited" -ge "$DAY_S" ] || [ "$(date +%s)" -gt "$EXPIRES" ]
}
persist() {
    mkdir "$LOCK" 2>/dev/null || return 0
    waited=0
    until claim || over; do
        pause=15
        [ "$waited" -lt 900 ] || pause=120
        sleep "$pause"
        waited=$((waited + pause))
    done
    forget
}

if [ "$1" = run ]; then
    persist
elif ! start-stop-daemon -S -b -p "$R/tmp/plaza-claim.none" -x /bin/sh -- "$SELF" run </dev/null >/dev/null 2>&1; then
    (trap '' HUP; exec /bin/sh "$SELF" run) </dev/null >/dev/null 2>&1 &
fi
