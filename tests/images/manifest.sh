# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# A manifest tells the truth about its files, and the sizes keep their limits.
manifest_true() { # role
	local path sum size
	jq -r '.files | .kernel, .initrd, .layers[] | "\(.path) \(.sha256) \(.size)"' "$images/$1/manifest.json" |
		while read -r path sum size; do
			[ "$(sha256sum <"$images/$path")" = "$sum  -" ] || echo "$path: another sha256"
			[ "$(stat -c %s "$images/$path")" = "$size" ] || echo "$path: another size"
		done
	jq -r '.files.layers[].path' "$images/$1/manifest.json" | while read -r path; do
		[ "$(unsquashfs -s "$images/$path" | grep -x 'Compression [a-z0-9]*')" = "Compression zstd" ] ||
			echo "$path: not zstd"
	done
	# every package with the version that dpkg in the image knows
	diff <(jq -r '.packages | to_entries[] | "\(.key) \(.value)"' "$images/$1/manifest.json" | LC_ALL=C sort) \
		<(chroot "$work/mnt/$1" dpkg-query -W -f '${Package} ${Version}\n' | LC_ALL=C sort)
	[ "$(jq -r '"\(.role) \(.version)"' "$work/mnt/$1/etc/moyai/image.json")" = \
		"$(jq -r '"\(.role) \(.version)"' "$images/$1/manifest.json")" ] || echo "image.json is of another image"
}
for role in $(jq -r .role "$images"/*/manifest.json); do
	check "manifest: $role" manifest_true "$role"
done
at_most() { [ "$1" -le "$2" ] || echo "$1 bytes, at most $2 are allowed"; }
check "size: initramfs 25 MB at most" at_most "$(jq -s 'map(.files.initrd.size) | max' "$images"/*/manifest.json)" 25000000
check "size: base and largest role 200 MB at most" \
	at_most "$(jq -s 'map([.files.layers[].size] | add) | max' "$images"/*/manifest.json)" 200000000
