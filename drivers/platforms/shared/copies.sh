# Copies of firmware images at a device with a POSIX shell: part files, and a server for the other devices.
# Set before: FOLDER NAME (the image's sha256, hex) OCTETS; for serve ADDRESS PORT SECRET SERVE_S; for fetch URL.
R="${PLAZA_ROOT:-}"
D="$R$FOLDER"
PART="$D/$NAME.part"
FILE="$D/$NAME.bin"
SPARE_KIB=4096  # stays free, whatever an image needs
PATH="$PATH:/usr/sbin:/sbin:/usr/bin:/bin"
umask 077

refuse() { # STATUS TEXT
    echo "$2" >&2
    exit "$1"
}
ours() { # the folder, which nobody else may have laid out for us
    mkdir -p "${D%/*}" && { mkdir -m 700 "$D" 2>/dev/null || :; }
    [ -d "$D" ] && [ ! -h "$D" ] && [ -O "$D" ] || refuse 30 "$FOLDER"
}
size() { # 0 where there is none
    [ -f "$1" ] || { echo 0; return; }
    wc -c <"$1" | tr -d ' '
}
digest() { sha256sum | cut -d' ' -f1; }
free_kib() { # on the file system of a FOLDER; the name of a device may take a line of its own
    df -k "$1" 2>/dev/null | awk 'NR > 1 { line = line " " $0 } END { if (split(line, f) > 4) print f[split(line, f) - 2] }'
}
stop() { # who wrote his number into FILE, unless that number is somebody else's by now
    pid=$(cat "$1" 2>/dev/null)
    rm -f "$1"
    [ -z "$pid" ] || ! works_here "$pid" || kill "$pid" 2>/dev/null
}
works_here() { # PID has to do with our folder; where there is no /proc nobody can tell
    [ -d /proc/self ] || return 0
    { ls -l "/proc/$1/fd" "/proc/$1/cwd"; tr '\000' ' ' <"/proc/$1/cmdline"; } 2>/dev/null | grep -qF "$D/"
}
room() { # OCTETS more, where the device tells how much there is
    free=$(free_kib "$D")
    [ -z "$free" ] || [ "$free" -ge $((($1 + 1023) / 1024 + SPARE_KIB)) ] || refuse 33 "$free KiB are free"
}

received() { # octets that are here; who still writes them for a broken line stops
    ours
    stop "$D/$NAME.pid"
    [ ! -f "$FILE" ] || { size "$FILE"; return; }
    [ "$(size "$PART")" -le "$OCTETS" ] || rm -f "$PART"
    room $((OCTETS - $(size "$PART")))
    size "$PART"
}
finish() { # what came becomes a copy, if it is all and what it should be
    ours
    rm -f "$D/$NAME.pid"
    if [ ! -f "$FILE" ]; then
        [ "$(size "$PART")" = "$OCTETS" ] || refuse 31 "$(size "$PART") of $OCTETS octets"
        mv "$PART" "$FILE" || refuse 30 "$FILE"
    fi
    [ "$(digest <"$FILE")" = "$NAME" ] || { rm -f "$FILE"; refuse 32 "another sha256"; }
}
fetch() { # all of it, from another device of the site
    ours
    stop "$D/$NAME.pid"
    [ ! -f "$FILE" ] || { finish; return; }
    rm -f "$PART"
    room "$OCTETS"
    # BusyBox's wget may die of -T where it was built without it.
    if command -v uclient-fetch >/dev/null; then
        uclient-fetch -q -T 60 -O "$PART" "$URL" >"$D/said" 2>&1 &
    else
        wget -q -O "$PART" "$URL" >"$D/said" 2>&1 &
    fi
    echo $! >"$D/$NAME.pid"
    wait $! || refuse 34 "$(tail -n 1 "$D/said")"
    rm -f "$D/$NAME.pid" "$D/said"
    finish
}

serves() { # the words that start a web server on PORT
    if command -v uhttpd >/dev/null; then
        echo "uhttpd -f -D -p $ADDRESS:$PORT -h $D/www"
    elif busybox --list 2>/dev/null | grep -qx httpd; then
        echo "busybox httpd -f -p $ADDRESS:$PORT -h $D/www"
    elif command -v python3 >/dev/null; then
        echo "python3 $D/serve.py $ADDRESS $PORT $D/www"
    else
        refuse 35 "none of uhttpd, busybox httpd, python3"
    fi
}
serve_py() { # a directory shows nothing of what is in it
    cat <<'END'
import functools, http.server, sys
class Quiet(http.server.SimpleHTTPRequestHandler):
    def list_directory(self, path):
        self.send_error(404)
    def log_message(self, *said):
        pass
address, port, folder = sys.argv[1:]
handler = functools.partial(Quiet, directory=folder)
http.server.ThreadingHTTPServer((address, int(port)), handler).serve_forever()
END
}
serve() { # prints the port; ends by itself after SERVE_S, whatever becomes of us
    finish
    unserve
    mkdir "$D/www" "$D/www/$SECRET" && ln "$FILE" "$D/www/$SECRET/$NAME" || refuse 30 "$D/www"
    serve_py >"$D/serve.py"
    for try in 1 2 3 4 5; do
        started "$(serves)" && { echo "port=$PORT"; return; }
        PORT=$((PORT + 1))
    done
    unserve
    refuse 36 "$ADDRESS:$PORT"
}
started() { # WORDS; whether the server stays
    detached "$1 & s=\$!; echo \$s >'$D/www.pid'; (sleep $SERVE_S; kill \$s) & t=\$!; wait \$s; kill \$t"
    for try in 1 2 3 4 5 6 7 8 9 10; do
        sleep 0.1 2>/dev/null || sleep 1  # not every BusyBox sleeps a part of a second
        [ -s "$D/www.pid" ] || continue
        kill -0 "$(cat "$D/www.pid")" 2>/dev/null || return 1
    done
    [ -s "$D/www.pid" ]
}
detached() { # a SCRIPT, from this login, whose end it outlives
    if command -v setsid >/dev/null; then
        (setsid /bin/sh -c "$1" &) </dev/null >/dev/null 2>&1
    else
        (trap '' HUP; exec /bin/sh -c "$1") </dev/null >/dev/null 2>&1 &
    fi
}
unserve() {
    stop "$D/www.pid"
    rm -rf "$D/www" "$D/serve.py"
}
clear() { # all of this image
    [ -d "$D" ] && [ ! -h "$D" ] || return 0
    unserve
    stop "$D/$NAME.pid"
    rm -rf "$PART" "$FILE" "$D/$NAME.ready" "$D/said"
    rmdir "$D" 2>/dev/null || :
}
