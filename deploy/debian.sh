#!/bin/sh
# Installs the Debian packages that `make run`, `make test` or `make bench-…` needs; without root it names the command.
set -eu
run="python3-venv"
peers="busybox chromium conntrack curl dnsmasq-base dropbear-bin fonts-liberation freeradius freeradius-rest freeradius-utils gcc hostapd influxdb iproute2 iptables isc-dhcp-server kea-dhcp4-server kea-dhcp6-server libc6-dev nftables openssh-client openssh-server opennds php-cli postgresql procps python3-dev snmp snmpd systemd victoria-metrics"
bench="busybox curl dnsmasq-base dropbear-bin freeradius freeradius-rest freeradius-utils gcc golang-github-gosnmp-gosnmp-dev golang-go iproute2 iptables libc6-dev mount nftables opennds openssh-client php-cli prometheus-snmp-exporter python3-dev snmp util-linux"
case "${1:-run}" in
run) wanted="$run" ;;
test) wanted="$run $peers" ;;
bench) wanted="$run $bench" ;;
*) echo "usage: $0 run|test|bench" >&2; exit 2 ;;
esac
if ! command -v dpkg-query >/dev/null 2>&1; then
    [ "$1" = test ] && echo "Not Debian: tests skip where they miss one of: $wanted" >&2
    [ "$1" = bench ] && echo "Not Debian: a peer is not measured where it misses one of: $wanted" >&2
    exit 0
fi
missing=""
for package in $wanted; do
    case "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)" in
    *"install ok installed"*) ;;
    *) missing="$missing $package" ;;
    esac
done
if [ "$1" = run ] && python3 -c 'import ensurepip, venv' 2>/dev/null; then exit 0; fi
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ]; then
    echo "Installing Debian packages:$missing"
    # these packages would start a captive portal or hand out addresses on this very machine
    mkdir -p /etc/systemd/system
    for service in opennds isc-dhcp-server kea-dhcp4-server kea-dhcp6-server; do
        case "$missing " in *" $service "*) ln -sfn /dev/null "/etc/systemd/system/$service.service" ;; esac
    done
    apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
elif [ "$1" = run ]; then
    echo "Missing Debian packages. Run once:  sudo apt-get install$missing" >&2
    exit 2
elif [ "$1" = bench ]; then
    echo "Peers that need them are not measured. To measure them:  sudo apt-get install$missing" >&2
else
    echo "Tests that need them will skip. To run them:  sudo apt-get install$missing" >&2
fi
