# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# A role's layer above the base gives exactly the tree that was installed, also
# where the role removed or replaced something: checked with the kernel's overlayfs.
layer_case() {
	local dir=$work/layer base=$work/layer/base tree=$work/layer/tree
	mkdir -p "$base"/{gone,remade,kept,file-to-folder} "$dir"/{upper,work,tree,clean,low,high,seen}
	echo base >"$base/gone/file"
	echo base >"$base/remade/old"
	echo base >"$base/kept/file"
	echo base >"$base/kept/removed"
	echo base >"$base/folder"
	mkdir "$base/folder-to-link"
	echo base >"$base/folder-to-link/file"
	# A tmpfs: an overlay cannot have another overlay's folder as its upper one.
	mount -t tmpfs tmpfs "$dir/upper" && mkdir "$dir/upper/u" "$dir/upper/w"
	mount -t overlay -o "lowerdir=$base,upperdir=$dir/upper/u,workdir=$dir/upper/w,redirect_dir=off,metacopy=off,index=off" \
		overlay "$tree" || return
	rm -r "$tree/gone" "$tree/remade" "$tree/folder-to-link" "$tree/kept/removed" "$tree/folder"
	mkdir "$tree/remade" "$tree/folder"
	echo role >"$tree/remade/new"
	echo role >"$tree/folder/file"
	ln -s kept "$tree/folder-to-link"
	touch "$tree/kept/file"
	(
		. images/lib.sh
		layer_difference "$base" "$tree" "$dir/upper/u" "$dir/clean"
		pack "$base" "$dir/base.squashfs" 1700000000
		pack "$dir/clean" "$dir/role.squashfs" 1700000000
	)
	mount -o ro,loop "$dir/base.squashfs" "$dir/low"
	mount -o ro,loop "$dir/role.squashfs" "$dir/high"
	mount -t overlay -o "ro,lowerdir=$dir/high:$dir/low" overlay "$dir/seen" || return
	diff -r "$tree" "$dir/seen"
	[ ! -e "$dir/seen/remade/old" ] || echo "remade/old shines through"
	[ ! -e "$dir/high/kept/file" ] || echo "kept/file is there twice"
	umount "$dir/seen" "$dir/high" "$dir/low" "$tree" "$dir/upper"
}
check "layers: what a role removes or replaces does not shine through" layer_case
