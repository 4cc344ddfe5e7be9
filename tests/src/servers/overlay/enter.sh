# Runs a command in an overlay of /, in a mount and a process namespace of its own: nothing that it writes reaches
# the machine, but for one folder, and all of it is gone with its processes.
#
# $1  a folder to mount on
# $2  what was kept of an earlier run, or nothing
# $3  the folder that is the same inside and outside
# $4  where to keep what was written (a tar archive), or nothing
# $5  the command

PATH=$PATH:/usr/sbin:/sbin
place=$1 kept=$2 shared=$3 keep=$4 command=$5
root=$place/root

# In memory: it takes an overlay's attributes whatever / lies on, and nobody has to clear it away.
mount -t tmpfs -o mode=755 overlay "$place"
mkdir "$place/upper" "$place/work" "$root"
attributes="--xattrs --xattrs-include=trusted.overlay.*"
[ -z "$kept" ] || tar -C "$place/upper" $attributes -xf "$kept"
layers=lowerdir=/,upperdir=$place/upper,workdir=$place/work
# Without the features that tie what was written to this one mount.
mount -t overlay -o "$layers,redirect_dir=off,index=off,metacopy=off" overlay "$root"

mount -t proc proc "$root/proc"
# A /dev of its own, where a server's log may listen.
mount -t tmpfs -o mode=755 dev "$root/dev"
for device in null zero full random urandom tty; do
    cp -a "/dev/$device" "$root/dev/"
done
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"
mkdir -m 1777 "$root/dev/shm"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mkdir -p "$root$shared"
mount --bind "$shared" "$root$shared"

# In a container these are mounts, which an overlay doesn't see.
for file in resolv.conf hosts hostname; do
    [ ! -e "/etc/$file" ] || cp --remove-destination --dereference "/etc/$file" "$root/etc/$file"
done

# What package scripts ask before they start a service.
printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"

[ -n "$keep" ] || exec chroot "$root" sh -euc "$command" sh "$shared"
chroot "$root" sh -euc "$command" sh "$shared"
tar -C "$place/upper" $attributes -cf "$keep" .
