#!/bin/sh
# Becomes the first process of a test host: gives it its own file systems, on top of a root filesystem that nobody writes to.
# Arguments: the root filesystem, the host's own directory, its name.
set -eu
rootfs=$1 own=$2 name=$3 root=$2/root
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$rootfs,upperdir=$own/upper,workdir=$own/work" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
# A new sysfs shows the interfaces of the host's own network namespace.
mount -t sysfs sysfs "$root/sys"
mount --rbind /sys/fs/cgroup "$root/sys/fs/cgroup"
# Docker's overlay needs a file system that is none itself.
for directory in docker containerd; do
  mkdir -p "$root/var/lib/$directory" "$own/$directory"
  mount --bind "$own/$directory" "$root/var/lib/$directory"
done
hostname "$name"
# Not chroot: who enters a mount namespace is at its root, so that `docker exec` would be in this machine's files.
cd "$root"
pivot_root . .
umount -l .
exec chroot . /usr/local/sbin/init.sh
