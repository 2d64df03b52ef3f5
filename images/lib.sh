# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# What the image scripts share. Sourced, not run.
# shellcheck disable=SC2034

# Start again with a known environment and in namespaces of our own: what is
# mounted there vanishes with the process, however it ends, and so does every
# process that a package starts; and all ends when the caller ends.
enter_namespace() {
	umask 022
	[ "${MOYAI_NAMESPACE:-}" != inside ] || return 0
	# Who is not root becomes the root of a user namespace, with the users of /etc/subuid below.
	as_root=
	if [ "$(id -u)" != 0 ]; then
		unshare --user --map-root-user --map-auto true 2>/dev/null ||
			die "an image has files of several owners, and $(id -un) has no users to lend in /etc/subuid and /etc/subgid, or no newuidmap (Debian: uidmap); add them, or build as root"
		as_root="--user --map-root-user --map-auto"
	fi
	# shellcheck disable=SC2086 # three words or none
	exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root TZ=UTC \
		DEBIAN_FRONTEND=noninteractive MOYAI_NAMESPACE=inside \
		${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
		setpriv --pdeathsig KILL \
		unshare $as_root --mount --propagation private --pid --fork --kill-child --mount-proc -- "$@"
}

in_user_namespace() { ! grep -qw 4294967295 /proc/self/uid_map; }

# See into a squashfs at an empty folder. Loop devices are only for the machine's own root; who
# has none unpacks it.
open_squashfs() { # squashfs folder
	if in_user_namespace; then
		unsquashfs -quiet -no-progress -force -dest "$2" "$1"
	else
		mount -t squashfs -o ro,loop "$1" "$2"
	fi
}
close_squashfs() { # folder, which is gone then
	if in_user_namespace; then
		rm -rf "$1"
	else
		umount "$1" && rmdir "$1"
	fi
}

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# The one path a pattern stands for.
one_of() {
	[ $# = 1 ] && [ -e "$1" ] || die "expected exactly one of: $*"
	echo "$1"
}

# The image knows the site's mirror and nothing of where its packages came from.
# Security updates are beside the mirror, as on deb.debian.org and its copies.
write_sources() {
	mirror=$(cat "$1/mirror")
	mirror=${mirror%/}
	suite=$(cat "$1/suite")
	rm -rf "$2/etc/apt/sources.list.d" "$2"/etc/apt/apt.conf.d/*mmdebstrap* "$2/etc/apt/auth.conf.d"
	mkdir -p "$2/etc/apt/sources.list.d"
	cat >"$2/etc/apt/sources.list" <<-END
		deb $mirror $suite main
		deb $mirror $suite-updates main
		deb $mirror-security $suite-security main
	END
}

# Modes are the repository's (executable or not), owners root's, whatever the
# checkout and the umask say.
lay_files() {
	[ -d "$1" ] || return 0
	(cd "$1" && find . -mindepth 1 -type d) | while IFS= read -r path; do
		# It would lead out of the tree, to a folder of the build machine.
		case $(readlink "$2/$path") in
		/*) die "files/${path#./}: is a link to $(readlink "$2/$path") in the image; lay the files there" ;;
		esac
		[ -d "$2/$path" ] || install -d -m 0755 "$2/$path"
	done
	(cd "$1" && find . -type f) | while IFS= read -r path; do
		mode=0644
		[ -x "$1/$path" ] && mode=0755
		install -T -m "$mode" "$1/$path" "$2/$path"
	done
	(cd "$1" && find . -type l) | while IFS= read -r path; do
		ln -sfn "$(readlink "$1/$path")" "$2/$path"
	done
}

set_units() {
	while read -r unit; do
		chroot "$2" systemctl --quiet enable "$unit"
	done <"$1/enable"
	while read -r unit; do
		ln -sfn /dev/null "$2/etc/systemd/system/$unit"
	done <"$1/mask"
}

# Remove below FOLDER what the patterns on stdin match, and never anything else.
remove_patterns() {
	while read -r pattern; do
		case $pattern in
		/* | *..* | *[[:space:]]*) die "$pattern: a pattern must stay below its folder" ;;
		esac
		# shellcheck disable=SC2086 # the pattern is to be expanded
		(cd "$1" && rm -rf -- $pattern)
	done
}

# Nothing of the build machine and nothing that differs between two builds.
image_clean() {
	: >"$2/etc/machine-id"
	rm -f "$2/var/lib/dbus/machine-id" "$2/etc/hostname" "$2/etc/resolv.conf" \
		"$2"/etc/ssh/ssh_host_* "$2/var/lib/systemd/random-seed" "$2/etc/.pwd.lock" \
		"$2"/etc/passwd- "$2"/etc/group- "$2"/etc/shadow- "$2"/etc/gshadow- "$2"/etc/subuid- \
		"$2"/etc/subgid- "$2"/var/lib/dpkg/*-old "$2"/var/cache/debconf/*-old \
		"$2"/var/lib/dpkg/lock* "$2"/var/lib/dpkg/triggers/Lock "$2/var/cache/ldconfig/aux-cache" \
		"$2/var/lib/apt/extended_states-old" "$2"/var/lib/systemd/catalog/database \
		"$2/usr/sbin/policy-rc.d" "$2/etc/udev/hwdb.bin"
	find "$2/var/log" "$2/run" "$2/tmp" "$2/var/tmp" -mindepth 1 -xdev -delete
	rm -rf "$2"/var/cache/apt/* "$2"/var/lib/apt/lists/*
	mkdir -p "$2/var/cache/apt/archives/partial" "$2/var/lib/apt/lists/partial"
	remove_patterns "$2" <"$1/trim"
	# open-iscsi made a random one, for all nodes of the image: each makes its own at boot
	if [ -f "$2/etc/iscsi/initiatorname.iscsi" ]; then
		echo GenerateName=yes >"$2/etc/iscsi/initiatorname.iscsi"
	fi
	rm -f "$2/etc/munge/munge.key" # made by its package, for all nodes of the image
	# the day of the last change of a password is the day of the build
	if [ -f "$2/etc/shadow" ]; then
		day=$(($(cat "$1/epoch") / 86400))
		sed -i "s/^\([^:]*:[^:]*\):[0-9]*:/\1:$day:/" "$2/etc/shadow"
	fi
	find "$2" -xdev -name __pycache__ -type d -prune -exec rm -rf {} +
}

# The same bytes from the same tree: names are sorted by mksquashfs, times are one.
pack() {
	rm -f "$2.part"
	env -u SOURCE_DATE_EPOCH mksquashfs "$1" "$2.part" -noappend -quiet -no-progress \
		-comp zstd -Xcompression-level 15 -b 262144 -no-exports \
		-mkfs-time "$3" -all-time "$3" >/dev/null
	mv "$2.part" "$2"
}

# Copy into CLEAN what of UPPER differs from BASE; TREE is both laid over each other.
layer_difference() { # base tree upper clean
	(cd "$3" && find . ! -type c -print0 | LC_ALL=C sort -z |
		tar --null --no-recursion --files-from=- --xattrs --xattrs-include=security.capability -c) |
		tar -C "$4" --xattrs --xattrs-include=security.capability -x -p
	(cd "$1" && find . -xdev | LC_ALL=C sort) >"$4.base"
	(cd "$2" && find . -xdev | LC_ALL=C sort) >"$4.tree"
	LC_ALL=C comm -23 "$4.base" "$4.tree" | while IFS= read -r path; do
		# below a folder that is gone as a whole, nothing more is to be said
		[ -d "$2/${path%/*}" ] && [ ! -L "$2/${path%/*}" ] || continue
		mkdir -p "$4/${path%/*}"
		mknod -m 0000 "$4/$path" c 0 0
	done
	# the same file again (a database that was rewritten) need not be there twice
	(cd "$4" && find . -type f) | while IFS= read -r path; do
		if [ -f "$1/$path" ] && [ ! -L "$1/$path" ] && cmp -s "$1/$path" "$4/$path" &&
			[ "$(stat -c '%a %u %g' "$1/$path")" = "$(stat -c '%a %u %g' "$4/$path")" ]; then
			rm "$4/$path"
		fi
	done
	rm "$4.base" "$4.tree"
}
