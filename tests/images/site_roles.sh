# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# A site's own roles/: one that adds to a shipped role, and a new one that extends it.
mkdir -p "$work/site/roles/storage/files/etc/site" "$work/site/roles/archive/files/etc/site"
cat >"$work/site/roles/storage/role.cfg" <<'END'
packages = [ "lsscsi" ];
kernel_arguments = [ "panic=5" ];
sysctls = ( { name = "vm.swappiness"; value = "1"; } );
END
echo "of the site" >"$work/site/roles/storage/files/etc/site/storage"
cat >"$work/site/roles/archive/role.cfg" <<'END'
extends = "storage";
console = "ttyS1,9600";
mask = [ "dm-event.socket" ];
END
echo "with blanks" >"$work/site/roles/archive/files/etc/site/ a  name "
echo "of archive" >"$work/site/roles/archive/files/etc/site/archive"

sed -i 's/role = "cluster-manager"/role = "archive"/' "$work/site/site.cfg"

# What the build machine says to its own apt is no input of an image: a hook that cannot be run, and
# packages that are only recommended. (Mounts of the tests are seen by nobody else.)
mkdir "$work/apt.conf.d"
cp -a /etc/apt/apt.conf.d/. "$work/apt.conf.d/"
cat >"$work/apt.conf.d/99-of-the-build-machine" <<'END'
APT::Install-Recommends "true";
DPkg::Post-Invoke { "/of-the-build-machine/hook"; };
END
mount --bind "$work/apt.conf.d" /etc/apt/apt.conf.d
if moyai image build storage archive 2>"$work/site.log"; then
	ok "site roles: are built"
else
	not_ok "site roles: are built" "$(tail -n 1 "$work/site.log")"
fi
umount /etc/apt/apt.conf.d
role_is() { # role path-there…
	local role=$1 list path
	shift
	list=$(unsquashfs -l -d '' "$work/images/$role/role.squashfs")
	for path; do
		grep -qxF "$path" <<<"$list" || echo "$role has no $path"
	done
	gojq -e '.packages.lsscsi and .packages.lvm2' "$work/images/$role/manifest.json" >/dev/null ||
		echo "$role lacks a package"
}
# Links of an image, seen from outside: /var/run is one to the build machine's own /run.
lay_over_links() {
	local tree=$work/lay/tree files=$work/lay/files code
	mkdir -p "$tree/var" "$tree/etc" "$work/lay/outside" "$files/etc" "$files/var/run"
	ln -s "$work/lay/outside" "$tree/var/run"
	ln -s "$work/lay/outside" "$tree/etc/folder"
	ln -s "$work/lay/outside/file" "$tree/etc/file"
	echo ours >"$files/etc/file"
	echo ours >"$files/etc/folder"
	sh -euc '. images/lib.sh; lay_files "$1" "$2"' build-role "$files" "$tree" 2>"$work/lay/err"
	code=$?
	is "$code" 1
	is "$(cat "$work/lay/err")" "build-role: files/var/run: is a link to $work/lay/outside in the image; lay the files there"
	rmdir "$files/var/run"
	echo ours >"$files/var/run"
	sh -euc '. images/lib.sh; lay_files "$1" "$2"' build-role "$files" "$tree" || echo "exit code $?"
	is "$(cat "$tree/etc/file" "$tree/etc/folder" "$tree/var/run" | paste -sd ,)" ours,ours,ours
	is "$(ls "$work/lay/outside")" ""
}
check "site roles: files do not follow links out of the image" lay_over_links
packages() { gojq -r '.packages | keys[]' "$1/storage/manifest.json"; }
check "site roles: nothing is installed that only the build machine's apt would" \
	is "$(diff <(packages "$images") <(packages "$work/images") | grep '^[<>]')" "> lsscsi"
broken=$work/site/roles/archive/files/etc/site/a$'\n'b
touch "$broken"
is_refused() {
	is "$(moyai image build archive 2>&1; echo "exit code $?")" "moyai: role archive: ${broken%/*}: a file name there has a line break: a
b; rename it
exit code 1"
}
check "site roles: a file name with a line break is refused" is_refused
rm "$broken"
value() { gojq -r "$2" "$work/images/$1/manifest.json"; }
check "site roles: storage has the site's package and file" role_is storage /usr/bin/lsscsi /etc/site/storage
check "site roles: archive has storage's and its own" role_is archive /usr/bin/lsscsi /etc/site/storage \
	/etc/site/archive "/etc/site/ a  name " /etc/systemd/system/dm-event.socket
check "site roles: kernel arguments are added" is "$(value storage '.kernel_arguments | join(" ")')" \
	"quiet no_timer_check panic=5"
check "site roles: the console of a role" is "$(value archive .console)" ttyS1,9600
check "site roles: the shipped console stays" is "$(value storage .console)" ttyS0,115200
check "site roles: the others stay as they are" is "$(moyai image list --json gateway | gojq -r .state)" "up to date"
