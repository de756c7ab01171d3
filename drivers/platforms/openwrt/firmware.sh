# An OpenWrt device and a new image: what it runs, whether it would take it, and the flash itself.
# Set before: NAME (the image's sha256, hex) TOKEN. The image lies where copies.sh puts it.
R="${PLAZA_ROOT:-}"
D="$R/tmp/plaza-firmware"
FILE="$D/$NAME.bin"
MARK="$D/$NAME.ready"
PATH="$PATH:/usr/sbin:/sbin:/usr/bin:/bin"
umask 077

refuse() { # STATUS TEXT
    echo "$2" >&2
    exit "$1"
}
first() { # line of a FILE, where there is one
    [ ! -r "$1" ] || head -n 1 "$1" | tr -d '\000\r'
}
released() { # NAME in openwrt_release
    sed -n "s/^$1=//p" "$R/etc/openwrt_release" 2>/dev/null | head -n 1 | tr -d "'\"\r"
}
room_kib() { # what /tmp, which is memory, has free and the memory has to give
    tmp=$(df -k "$R/tmp" 2>/dev/null | awk 'NR > 1 { line = line " " $0 } END { if (split(line, f) > 4) print f[split(line, f) - 2] }')
    memory=$(sed -n 's/^MemAvailable: *\([0-9]*\).*/\1/p' "$R/proc/meminfo" 2>/dev/null)
    printf '%s\n%s\n' "$tmp" "$memory" | grep . | sort -n | head -n 1
}
there_kib() { # of the image, before it is whole or after
    ls -l "$D/$NAME.part" "$FILE" 2>/dev/null | awk '{ octets += $5 } END { print int(octets / 1024) }'
}
room() { # in KiB, for the image, with what is there of it; nothing where the device does not tell
    free=$(room_kib)
    [ -z "$free" ] || echo $((free + $(there_kib)))
}
present() {
    version=$(released DISTRIB_RELEASE)
    [ "$version" != SNAPSHOT ] || version="SNAPSHOT $(released DISTRIB_REVISION)"
    echo "plaza firmware"
    printf 'board %s\nversion %s\nroom_kib %s\n' "$(first "$R/tmp/sysinfo/board_name")" "$version" "$(room)"
    echo "plaza end"
}
check() { # what sysupgrade itself says of it
    command -v sysupgrade >/dev/null || refuse 42 "no sysupgrade"
    [ ! -e "$MARK/begun" ] || [ -e "$MARK/ended" ] || refuse 45 "begun"
    [ "$(sha256sum <"$FILE" | cut -d' ' -f1)" = "$NAME" ] || refuse 41 "another sha256"
    said=$(sysupgrade -T "$FILE" 2>&1) || refuse 40 "$(echo "$said" | grep . | tail -n 1)"
    rm -rf "$MARK" && mkdir "$MARK" && echo "$TOKEN" >"$MARK/token" || refuse 43 "$MARK"
}
ours() { [ "$(first "$MARK/token")" = "$TOKEN" ]; }
flash() { # detached from this login
    ours || refuse 44 "not checked"
    [ -f "$FILE" ] || refuse 41 gone
    : >"$MARK/begun" || refuse 43 "$MARK"
    # Newer ones hand over to procd and end with 0 at once: only another status says that nothing was written.
    set -- -c "sysupgrade '$FILE' >'$MARK/log' 2>&1 </dev/null; echo \$? >'$MARK/ended'"
    start-stop-daemon -S -b -p "$MARK/none.pid" -x /bin/sh -- "$@" </dev/null >/dev/null 2>&1 && return
    (trap '' HUP; exec /bin/sh "$@") </dev/null >/dev/null 2>&1 &
}
status() {
    ours || { echo "stage=none"; return; }
    [ -e "$MARK/begun" ] || { echo "stage=ready"; return; }
    ended=$(first "$MARK/ended")
    [ "${ended:-0}" != 0 ] || { echo "stage=flashing"; return; }
    echo "stage=refused"
    echo "said=$(grep . "$MARK/log" | tail -n 1)"
}
