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

is() { [ "$1" = "$2" ] || echo "\"$1\" instead of \"$2\""; }

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

# An apt whose packages come from a mirror of another name, which has the same index: apt's own list of
# mirrors with the real one in it. $work/other/apt.conf is for APT_CONFIG.
other_mirror() {
	local uri release name lists uris
	mkdir -p "$work/other/lists/partial" "$work/other/parts"
	lists=$(apt-config shell dir Dir::State::Lists/d | sed "s/^dir='\(.*\)'/\1/")
	# shellcheck disable=SC2016 # apt's own variables
	uris=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 'Origin: Debian' | sort -u)
	: >"$work/other/sources.list"
	while read -r uri release; do
		name=$(basename "$uri")
		echo "$uri" >"$work/other/mirror-$name"
		echo "deb mirror+file:$work/other/mirror-$name $release main" >>"$work/other/sources.list"
		(cd "$lists" && find . -maxdepth 1 -name "*_${name}_dists_${release}_*") | while read -r file; do
			cp -a "$lists/$file" "$work/other/lists/$(tr / _ <<<"$work/other/mirror-$name")_dists_${file#*_dists_}"
		done
	done <<<"$uris"
	cat >"$work/other/apt.conf" <<-END
		Dir::State::Lists "$work/other/lists";
		Dir::Etc::SourceList "$work/other/sources.list";
		Dir::Etc::SourceParts "$work/other/parts";
	END
}
