# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# Shared by the tests of images. Each test prints `ok NAME` or `not ok NAME: why`.
# Sourced with the source tree as current folder.
build=${BUILD:-build}
top=$PWD
images=$(realpath "$build")/images
failures=0

ok() { echo "ok $1"; }
not_ok() {
	echo "not ok $1: $2"
	failures=$((failures + 1))
}
# check NAME COMMAND…: what the command says is why it failed, and silence is well.
# (1 is what grep returns when it finds nothing; a command that cannot run returns more.)
check() {
	local name=$1 said code=0
	shift
	said=$("$@" 2>&1) || code=$?
	if [ "$code" -le 1 ] && [ -z "$said" ]; then
		ok "$name"
	else
		not_ok "$name" "$(echo "${said:-no reason given}" | head -n 5 | paste -sd ';')"
	fi
}

# A moyai of its own in $work/bin, with a share folder and a site that tests may
# change, and images that are links to the built ones.
prepare() {
	mkdir -p "$work/bin" "$work/share" "$work/site" "$work/images"
	cp "$build/moyai" "$build/moyaid" "$build/moyai-node.deb" "$work/bin/"
	cp -a images roles pxe "$work/share/"
	cp configs/demo/site.cfg "$work/site/"
	for folder in "$images"/*/; do cp -al "$folder" "$work/images/"; done
}
# The manifests are replaced, never written into: links to the built ones stay safe.
moyai() { MOYAI_SHARE=$work/share MOYAI_IMAGES=$work/images MOYAI_STATE=$work/state "$work/bin/moyai" -C "$work/site" "$@"; }
