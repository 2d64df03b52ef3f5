# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# A manifest tells the truth about its files, and the sizes keep their limits.
manifest_true() { # role
	local path sum size
	gojq -r '.files | .kernel, .initrd, .layers[] | "\(.path) \(.sha256) \(.size)"' "$images/$1/manifest.json" |
		while read -r path sum size; do
			[ "$(sha256sum <"$images/$path")" = "$sum  -" ] || echo "$path: another sha256"
			[ "$(stat -c %s "$images/$path")" = "$size" ] || echo "$path: another size"
		done
	gojq -r '.files.layers[].path' "$images/$1/manifest.json" | while read -r path; do
		[ "$(unsquashfs -s "$images/$path" | grep -x 'Compression [a-z0-9]*')" = "Compression zstd" ] ||
			echo "$path: not zstd"
	done
	# every package with the version that dpkg in the image knows
	diff <(gojq -r '.packages | to_entries[] | "\(.key) \(.value)"' "$images/$1/manifest.json" | LC_ALL=C sort) \
		<(chroot "$work/mnt/$1" dpkg-query -W -f '${Package} ${Version}\n' | LC_ALL=C sort)
	[ "$(gojq -r '"\(.role) \(.version)"' "$work/mnt/$1/etc/moyai/image.json")" = \
		"$(gojq -r '"\(.role) \(.version)"' "$images/$1/manifest.json")" ] || echo "image.json is of another image"
}
for role in $(gojq -r .role "$images"/*/manifest.json); do
	check "manifest: $role" manifest_true "$role"
done
# moyai-node is there as a package: the one that was built, all of it, and nothing half installed.
package_right() { # role
	local tree=$work/mnt/$1 wanted
	wanted="ii moyai-node $(dpkg-deb -f "$build/moyai-node.deb" Version)"
	[ "$(chroot "$tree" dpkg-query -W -f '${db:Status-Abbrev}${Package} ${Version}' moyai-node)" = "$wanted" ] ||
		echo "not \"$wanted\""
	[ "$(chroot "$tree" dpkg -S /usr/lib/moyai/moyai-node)" = "moyai-node: /usr/lib/moyai/moyai-node" ] ||
		echo "dpkg does not know whose moyai-node is"
	# what is left out is documentation
	chroot "$tree" dpkg --verify moyai-node | grep -v '^missing .*/usr/share/doc/'
	cmp "$build/moyai-node" "$tree/usr/lib/moyai/moyai-node"
}
for role in $(gojq -r .role "$images"/*/manifest.json); do
	check "package: moyai-node on $role" package_right "$role"
done
at_most() { [ "$1" -le "$2" ] || echo "$1 bytes, at most $2 are allowed"; }
check "size: initramfs 25 MB at most" at_most "$(gojq -s 'map(.files.initrd.size) | max' "$images"/*/manifest.json)" 25000000
check "size: base and largest role 200 MB at most" \
	at_most "$(gojq -s 'map(select(.role | test("-with-") | not) | [.files.layers[].size] | add) | max' "$images"/*/manifest.json)" 200000000
