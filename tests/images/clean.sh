# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# Nothing of the build machine stays in an image: looked for in the trees as a node has them.

mount_image() { # role
	local role=$1 lower='' path n=0
	while read -r path; do
		n=$((n + 1))
		mkdir -p "$work/mnt/$role.$n"
		mountpoint -q "$work/mnt/$role.$n" || mount -o ro,loop "$images/$path" "$work/mnt/$role.$n"
		lower="$work/mnt/$role.$n${lower:+:$lower}"
	done < <(gojq -r '.files.layers[].path' "$images/$role/manifest.json")
	mkdir -p "$work/mnt/$role"
	mount -t overlay -o "ro,lowerdir=$lower" overlay "$work/mnt/$role"
}

# Hosts that this machine's apt asks, but for the mirror's.
apt_hosts() {
	mirror=$(sed -n 's|^mirror = "[a-z]*://\([^/"]*\).*|\1|p' configs/demo/site.cfg)
	{
		apt-get indextargets --format '$(URI)'
		apt-config dump | grep -i 'proxy' | grep -o '"[a-z]*://[^"]*"' | tr -d '"'
	} | sed -n 's|^[a-z]*://\([^/@]*@\)\{0,1\}\([^/:]*\).*|\2|p' | sort -u | grep -vxF "$mirror"
}

# tree what word…: files that name the word, but for accidental bytes of binaries that are not our own
no_word_of() {
	local tree=$1 what=$2 word
	shift 2
	for word in "$@"; do
		{
			grep -rIlwF --exclude-dir=modules -e "$word" "$tree"/etc "$tree"/var "$tree"/root "$tree"/home \
				"$tree"/usr/lib/moyai "$tree"/init 2>/dev/null
			grep -alwF -e "$word" "$tree"/usr/bin/moyai "$tree"/usr/bin/moyaid "$tree"/usr/lib/moyai/moyai-node 2>/dev/null
		} | sed "s|^$tree|$what ($word) is in |"
	done
	true # a file that is not there is none that names it
}
accounts_locked() { awk -F: '$2 != "*" && $2 !~ /^!/ { print $1 " has a password field " $2 }' "$1/etc/shadow"; }
no_private_keys() {
	grep -rIl -e '-----BEGIN [A-Z ]*PRIVATE KEY-----' "$1" --exclude-dir=modules 2>/dev/null
	find "$1" -xdev \( -name 'ssh_host_*' -o -name 'id_*' -path '*/.ssh/*' -o -name authorized_keys -o -name munge.key \)
}
nothing_of_the_machine() {
	find "$1/etc/hostname" "$1/etc/resolv.conf" "$1/etc/apt/auth.conf" "$1/etc/apt/auth.conf.d" \
		"$1"/etc/apt/apt.conf.d/*mmdebstrap* "$1"/etc/apt/sources.list.d/* "$1/usr/sbin/policy-rc.d" \
		"$1/var/lib/systemd/random-seed" "$1/etc/passwd-" "$1/etc/shadow-" 2>/dev/null
	find "$1/var/log" "$1/tmp" "$1/run" "$1/var/tmp" "$1/var/lib/apt/lists" "$1/var/cache/apt" -xdev -type f \
		2>/dev/null
	grep -sH '^InitiatorName=' "$1/etc/iscsi/initiatorname.iscsi"
	[ ! -s "$1/etc/machine-id" ] || echo "etc/machine-id is not empty"
}
only_mirror() {
	local mirror
	mirror=$(sed -n 's|^mirror = "\(.*\)";|\1|p' configs/demo/site.cfg)
	grep -v -e "^deb $mirror bookworm" -e "^deb $mirror-security bookworm-security " "$1/etc/apt/sources.list"
	true
}
dpkg_right() {
	chroot "$1" dpkg --audit
	# apt's view without its caches: every dependency of what is installed is met
	chroot "$1" apt-get -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o Debug::NoLocking=1 --quiet=2 check
}

# The test of the tests: each would see what it looks for.
mkdir -p "$work/dirty/etc" "$work/dirty/root" "$work/dirty/var" "$work/dirty/home" "$work/dirty/usr/lib/moyai"
echo "root:\$y\$j9T\$x:1:0:99999:7:::" >"$work/dirty/etc/shadow"
printf -- '-----BEGIN %s PRIVATE KEY-----\n' OPENSSH >"$work/dirty/root/key"
hostname >"$work/dirty/etc/hostname"
printf '\0%s\0' "$top" >"$work/dirty/usr/lib/moyai/moyai-node"
if [ -n "$(accounts_locked "$work/dirty")" ] && [ -n "$(no_private_keys "$work/dirty")" ] &&
	[ -n "$(no_word_of "$work/dirty" host "$(hostname)")" ] && [ -n "$(no_word_of "$work/dirty" folder "$top")" ] && [ -n "$(nothing_of_the_machine "$work/dirty")" ]; then
	ok "clean: a dirty tree is seen"
else
	not_ok "clean: a dirty tree is seen" "a check is blind"
fi

# Which the site's mirror may be, and no more: that nothing is left of a mirror that is another one shows
# reproducible.sh.
mapfile -t hosts < <(apt_hosts)
knows_no_builder() { # NAME TREE
	check "clean: $1 has no private key" no_private_keys "$2"
	[ "${#hosts[@]}" = 0 ] ||
		check "clean: $1 does not name the build machine's sources" no_word_of "$2" "an apt host" "${hosts[@]}"
	check "clean: $1 does not name the build folder" no_word_of "$2" "the build folder" "$top" "$images"
	# The hostname of a machine may be an English word: then only whole lines count.
	if [ "${#HOSTNAME}" -ge 5 ]; then
		check "clean: $1 does not name the build machine" no_word_of "$2" "the host name" "$HOSTNAME"
	else
		check "clean: $1 has no file that is the host name" grep -rIlxF -e "$HOSTNAME" "$2/etc"
	fi
}
for role in $(gojq -r .role "$images"/*/manifest.json); do
	mount_image "$role"
	tree=$work/mnt/$role
	knows_no_builder "$role" "$tree"
	check "clean: $role has no password" accounts_locked "$tree"
	check "clean: $role has no file of the build machine" nothing_of_the_machine "$tree"
	check "clean: $role knows only the mirror" only_mirror "$tree"
	check "clean: $role has a right dpkg status" dpkg_right "$tree"
done
knows_no_builder_initramfs() { # NAME FILE
	mkdir -p "$work/initramfs/$1/etc"
	zstd -dcq "$2" | (cd "$work/initramfs/$1" && cpio --quiet -id)
	check "clean: the initramfs of $1 is looked at" sh -c "[ -s '$work/initramfs/$1/init' ] || echo there is none"
	knows_no_builder "the initramfs of $1" "$work/initramfs/$1"
}
for file in "$images"/*/initrd.img; do
	knows_no_builder_initramfs "$(basename "${file%/*}")" "$file"
done
