#!/bin/sh
# openNDS and its dnsmasq, with mounts and processes of their own: openNDS rewrites /etc/hosts and
# /etc/dnsmasq.conf and restarts dnsmasq through systemctl.   usage: opennds.sh DIRECTORY
set -eu
mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
mkdir -p /var/lib/misc /run/lock /run/bin /run/opennds /run/upper /run/work
mount -t tmpfs tmpfs /var/lib/misc
cp -r /etc/opennds/. /run/opennds/
cp "$1/opennds.conf" /run/opennds/opennds.conf
cp /etc/hosts /run/hosts
echo '203.0.113.10 portal.test' >> /run/hosts
: > /run/dnsmasq.conf
[ -e /etc/dnsmasq.conf ] && mount --bind /run/dnsmasq.conf /etc/dnsmasq.conf
mount --bind /run/opennds /etc/opennds
mount --bind /run/hosts /etc/hosts
# 9.10.0 makes its chains at priority -100, where iptables-nft 1.8.9 refuses to add rules
sed -e 's/grep -w "priority -100"/grep -w "priority filter"/' -e 's/priority -100 ;/priority 0 ;/' \
    /usr/lib/opennds/libopennds.sh > /run/libopennds.sh
chmod +x /run/libopennds.sh
mount --bind /run/libopennds.sh /usr/lib/opennds/libopennds.sh
printf '#!/bin/sh\nexit 0\n' > /run/bin/systemctl
chmod +x /run/bin/systemctl
export PATH="/run/bin:$PATH"
dnsmasq -k -C "$1/dnsmasq.conf" --user=root &
exec env ${CLOCK_SHIM:+LD_PRELOAD="$CLOCK_SHIM"} opennds -f -d "${DEBUG:-1}"
