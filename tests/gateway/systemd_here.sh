# A systemd of its own as PID 1 of fresh namespaces, with this machine's programs and an empty /etc/systemd/system.
# $1: a directory to work in. It sees no service of this machine and may write no setting of the kernel but the network's.
set -e
mount -t proc proc /proc
mkdir "$1/net" "$1/over"
mount --bind /proc/sys/net "$1/net"
mount --bind /proc/sys /proc/sys
mount -o remount,ro,bind /proc/sys
mount --bind "$1/net" /proc/sys/net
mount -t sysfs none /sys # with the interfaces of this namespace
mount -t tmpfs none /sys/fs/cgroup
mkdir /sys/fs/cgroup/systemd
mount -t cgroup -o none,name=systemd none /sys/fs/cgroup/systemd
mount -t tmpfs none /run
mount -t tmpfs none "$1/over"
for place in /etc /usr/local /var/lib; do
	mkdir -p "$1/over$place/up" "$1/over$place/work"
	mount -t overlay -o "lowerdir=$place,upperdir=$1/over$place/up,workdir=$1/over$place/work" none "$place"
done
mount -t tmpfs none /etc/systemd/system
for target in sysinit basic shutdown network-online multi-user; do
	printf '[Unit]\nDescription=%s\nDefaultDependencies=no\n' "$target" > "/etc/systemd/system/$target.target"
done
ip link set lo up
ip link add plz-lan type bridge
ip link add plz-wan type bridge
ip addr add 10.8.27.1/24 dev plz-lan
ip link set plz-lan up
ip link set plz-wan up
echo 1 > /proc/sys/net/ipv4/ip_forward
export container=lxc SYSTEMD_UNIT_PATH=/etc/systemd/system
exec setpriv --bounding-set=-sys_time,-sys_boot,-sys_module /lib/systemd/systemd --system \
	--unit=multi-user.target --log-target=null --show-status=0 --crash-reboot=no
