# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# Every input counts, and only where it matters: each is changed in turn, and
# `moyai image list` must call exactly the images stale that depend on it.
all="cluster-manager gateway memory-server storage vm-server"

stale() { moyai image list --json | gojq -r 'select(.state | startswith("stale") or . == "missing") | .role' | sort | paste -sd ' '; }
reason() { moyai image list --json "$1" | gojq -r .state; }

# input NAME STALE-ROLES REASON-OF-STORAGE: after a change; then it is put back.
changed() {
	local now why
	now=$(stale) why=$(reason storage)
	if [ "$now" != "$2" ]; then
		not_ok "inputs: $1" "stale are \"$now\" instead of \"$2\""
	elif [ "$why" != "$3" ]; then
		not_ok "inputs: $1" "storage is \"$why\" instead of \"$3\""
	else
		ok "inputs: $1"
	fi
}
# with FILE NAME STALE REASON: a line is added to the file and taken away again.
with() {
	cp -a "$work/$1" "$work/kept"
	echo "# changed" >>"$work/$1"
	changed "$2" "$3" "$4"
	rm "$work/$1"
	mv "$work/kept" "$work/$1"
}
edit() { # FILE SED NAME STALE REASON
	cp -a "$work/$1" "$work/kept"
	sed -i "$2" "$work/$1"
	cmp -s "$work/$1" "$work/kept" && not_ok "inputs: $3" "the test changes nothing"
	changed "$3" "$4" "$5"
	mv "$work/kept" "$work/$1"
}

changed "nothing changed" "" "up to date"
for script in build-base hook-setup hook-essential boot-package base/dpkg.cfg; do
	with share/images/$script "$script" "$all" "stale: base: script $script changed"
done
with share/images/lib.sh lib.sh "$all" "stale: base: script lib.sh changed"
with share/images/build-initrd build-initrd "$all" "stale: initramfs: script build-initrd changed"
with share/images/initrd/init "the initramfs's init" "$all" "stale: initramfs: file/init changed"
for script in build-role install-packages; do
	with share/images/$script "$script" "$all" "stale: role: script $script changed"
done
with share/images/build-node build-node "$all" "stale: image: script build-node changed"
with bin/moyai-node.deb moyai-node "$all" "stale: image: moyai-node changed"
for program in moyai moyaid; do
	with bin/$program "$program of the cluster manager" cluster-manager "up to date"
done
with share/pxe/boot.ipxe.in "the boot script that the cluster manager serves" cluster-manager "up to date"
with share/images/base/files/etc/ssh/sshd_config.d/moyai.conf "a file of the base" "$all" \
	"stale: base: file/etc/ssh/sshd_config.d/moyai.conf changed"
base=share/images/base.cfg
edit $base 's/"iproute2",/"iproute2", "less",/' "packages of the base" "$all" "stale: base: packages changed"
edit $base 's/"getty.target",//' "masked units" "$all" "stale: base: mask changed"
edit $base 's/"moyai-report.service"//; s/"moyai-hostkey.service",/"moyai-hostkey.service"/' \
	"enabled units" "$all" "stale: base: enable changed"
edit $base 's/"drivers\/comedi", "drivers\/hid"/"drivers\/hid"/' "modules that are left out" "$all" \
	"stale: base: exclude_modules changed"
edit $base 's/"loop", "squashfs", "overlay" \]/"loop", "squashfs", "overlay", "dummy" ]/' \
	"modules of the initramfs" "$all" "stale: initramfs: direct changed"
edit $base 's/"usr\/share\/i18n"/"usr\/share\/i18n", "usr\/share\/x"/' "what is trimmed" "$all" "stale: base: trim changed"
edit $base 's/kernel_arguments = \[ "quiet" \]/kernel_arguments = [ "quiet", "panic=5" ]/' "kernel arguments" \
	"$all" "stale: image: kernel_arguments changed"
edit $base 's/linux-image-cloud-amd64/linux-image-rt-amd64/' "the kernel's package" "$all" "stale: base: kernel changed"
edit $base 's/ttyS0,115200/ttyS1,115200/' "the serial console" "$all" "stale: image: console changed"
edit site/site.cfg 's|^mirror = .*|mirror = "http://mirror.example/debian";|' "the mirror" "$all" \
	"stale: base: mirror changed"
edit site/site.cfg 's/^kernel = "cloud"/kernel = "generic"/' "the kernel flavour" "$all" "stale: missing"
# The cluster manager has all roles with it, to plan with them.
own="cluster-manager storage"
role=share/roles/storage/role.cfg
edit $role 's/"lvm2"/"lvm2", "lsscsi"/' "packages of a role" "$own" "stale: role: packages changed"
edit $role 's/"8021q", //' "modules of a role" "$own" "stale: role: modules changed"
edit $role '$akernel_arguments = [ "panic=5" ];' "kernel arguments of a role" "$own" \
	"stale: image: kernel_arguments changed"
edit $role '$aconsole = "ttyS1,9600";' "the console of a role" "$own" "stale: image: console changed"
edit $role 's/"chrony.service"/"chrony.service", "dm-event.socket"/' "masked units of a role" "$own" "stale: role: mask changed"
edit $role '$aenable = [ "fstrim.timer" ];' "enabled units of a role" "$own" "stale: role: enable changed"
edit $role '$afirmware = [ "firmware-bnx2" ];' "firmware of a role" "$own" "stale: missing"

mkdir -p "$work/share/roles/storage/files/etc"
echo 1 >"$work/share/roles/storage/files/etc/test"
folder=$(reason storage)
case $folder in
"stale: role: file "*"is new"*) ok "inputs: a new file of a role" ;;
*) not_ok "inputs: a new file of a role" "storage is \"$folder\"" ;;
esac
rm -r "$work/share/roles/storage/files/etc/test"
rmdir -p --ignore-fail-on-non-empty "$work/share/roles/storage/files/etc"
chmod a-x "$work/share/images/base/files/usr/lib/moyai/boot-hostkey"
changed "a mode" "$all" "stale: base: file/usr/lib/moyai/boot-hostkey changed"
chmod a+x "$work/share/images/base/files/usr/lib/moyai/boot-hostkey"

# The index: apt is shown a copy of its own lists, in which a byte of one InRelease differs.
mkdir -p "$work/lists/partial"
find "$(apt-config shell dir Dir::State::Lists/d | sed "s/^dir='\(.*\)'/\1/")" -maxdepth 1 -type f \
	-exec cp -a {} "$work/lists/" \;
echo "Dir::State::Lists \"$work/lists\";" >"$work/apt.conf"
export APT_CONFIG=$work/apt.conf
changed "the same index elsewhere" "" "up to date"
for release in bookworm bookworm-updates bookworm-security; do
	file=$(find "$work/lists" -name "*_dists_${release}_InRelease")
	cp -a "$file" "$work/kept"
	sed -i 's/^Label: /Label:  /' "$file"
	changed "the index of $release" "$all" "stale: base: index $release main changed"
	mv "$work/kept" "$file"
done
unset APT_CONFIG
other_mirror
APT_CONFIG=$work/other/apt.conf changed "the same index from another mirror" "" "up to date"
# Both at once, and then with another state of the index there.
cp -a "$work/other" "$work/both"
sed "s|$work/other/sources.list|$work/both/sources.list|; s|$work/other/lists|$work/both/lists|" "$work/other/apt.conf" >"$work/both/apt.conf"
cp -a "$(apt-config shell dir Dir::State::Lists/d | sed "s/^dir='\(.*\)'/\1/")"/*_dists_* "$work/both/lists/"
# shellcheck disable=SC2016 # apt's own variables
apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) main' 'Created-By: Packages' 'Origin: Debian' | sort -u >>"$work/both/sources.list"
APT_CONFIG=$work/both/apt.conf changed "the same index from two mirrors" "" "up to date"
sed -i 's/^Label: /Label:  /' "$work"/both/lists/[!_]*_dists_bookworm_InRelease
APT_CONFIG=$work/both/apt.conf
export APT_CONFIG
case $(reason storage) in
"stale: base: index bookworm main "*) ok "inputs: two states of one index" ;;
*) not_ok "inputs: two states of one index" "storage is \"$(reason storage)\"" ;;
esac
unset APT_CONFIG

cp -a "$work/$base" "$work/kept"
sed -i 's/^suite = .*/suite = "trixie";/' "$work/$base"
said=$(moyai image list 2>&1)
mv "$work/kept" "$work/$base"
if [ "$said" = "moyai: apt knows no packages of Debian trixie on this machine; add a source below /etc/apt and run apt-get update" ]; then
	ok "inputs: another suite"
else
	not_ok "inputs: another suite" "$said"
fi

# The tools' versions, as dpkg tells them.
mkdir -p "$work/tools"
tool_changed() { # TOOL REASON
	local tool=$1
	printf '#!/bin/sh\n/usr/bin/dpkg-query "$@" | sed "s/\t%s\t.*/\t%s\t9.9/"\n' "$tool" "$tool" >"$work/tools/dpkg-query"
	chmod +x "$work/tools/dpkg-query"
	PATH=$work/tools:$PATH changed "the version of $tool" "$all" "$2"
}
for tool in mmdebstrap squashfs-tools zstd libzstd1 cpio apt dpkg; do
	tool_changed $tool "stale: base: tool $tool changed"
done
tool_changed binutils "stale: image: tool binutils changed"
rm -r "$work/tools"

# A file that is gone or cut off is made again.
rm "$work/images/gateway/node.squashfs"
case $(stale) in
gateway) ok "inputs: a file that is gone" ;;
*) not_ok "inputs: a file that is gone" "stale are \"$(stale)\"" ;;
esac
cp -al "$images/gateway/node.squashfs" "$work/images/gateway/"

begin=$(date +%s%N)
moyai image build 2>"$work/again.log"
took=$((($(date +%s%N) - begin) / 1000000))
if [ "$(grep -c 'up to date$' "$work/again.log")" = 5 ]; then
	ok "inputs: nothing is built again ($took ms)"
else
	not_ok "inputs: nothing is built again" "$(cat "$work/again.log")"
fi

# Old generations go, but not one that a node booted last.
mkdir -p "$work/state/boot"
echo '{"node": "gw", "stage": "ready", "image": "old4"}' >"$work/state/boot/gw.json"
for n in 1 2 3 4 5; do
	mkdir -p "$work/images/generations/gateway/old$n"
	echo '{}' >"$work/images/generations/gateway/old$n/manifest.json"
	touch -d "$((n * 1000)) days ago" "$work/images/generations/gateway/old$n/manifest.json"
done
moyai image build gateway 2>"$work/pruned.log"
check "generations: what a node booted last is kept, as old as it is" is \
	"$(cd "$work/images/generations/gateway" && ls | grep -x 'old[345]' | paste -sd ' ')" old4
check "generations: … and it is said what goes" is "$(grep -cx 'gateway old[35]: an old generation, removed' "$work/pruned.log")" 2
rm -r "$work"/images/generations/gateway/old*
