# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by the tests of moyai against tests/remote/fake-node: sites, faults, what is expected.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
moyai=${MOYAI:-$PWD/build/moyai}
work=$(mktemp -d /tmp/moyai-wire-XXXXXX)
trap 'rm -rf "$work"' EXIT
export MOYAI_TRANSPORT=$PWD/tests/remote/fake-node MOYAI_STATE=$work/state LC_ALL=C.UTF-8
unset MOYAI_SSH_PORT
failures=0

# A new site of these nodes, and no faults.
site() {
	rm -rf "$work/site" "$work/fake" "$MOYAI_STATE"
	mkdir -p "$work/site" "$work/fake" "$MOYAI_STATE"
	chmod 700 "$MOYAI_STATE"
	(umask 077 && head -c 32 /dev/urandom >"$MOYAI_STATE/site.key")
	export MOYAI_FAKE=$work/fake
	local n=0 name
	{
		echo 'name = "wire"; domain = "wire.example"; kernel = "cloud";'
		echo 'mirror = "http://mirror.example/debian";'
		echo 'boot = { network = "boot"; server = "10.99.0.1"; };'
		echo 'networks = ( { name = "boot"; cidr = "10.99.0.0/16"; } );'
		echo 'nodes = ('
		for name in "$@"; do
			n=$((n + 1))
			[ $n -eq 1 ] || echo ','
			printf ' { name = "%s"; role = "storage"; mac = "52:54:00:00:%02x:%02x";' \
				"$name" $((n / 250)) $((n % 250))
			printf ' addresses = { boot = "10.99.%d.%d"; }; }' $((n / 250 + 1)) $((n % 250 + 1))
		done
		echo ');'
	} >"$work/site/site.cfg"
}

# step NODE DO KIND/ID [NEED…]: NEED is KIND/ID, or NODE:KIND/ID, or !NODE:KIND/ID for what must be
# gone. More by variables:
# changes, loses, refused.
changes='' loses=false refused=null
step() {
	local node=$1 action=$2 kind=${3%%/*} id=${3#*/} needs='' need other gone digest=absent
	shift 3
	[ "$action" = create ] || digest=$(printf '0%.0s' {1..64})
	for need in "$@"; do
		other=null gone=''
		case $need in !*) gone=',"gone":true' need=${need#!} ;; esac
		case $need in *:*) other="\"${need%%:*}\"" need=${need#*:} ;; esac
		needs="$needs${needs:+,}{\"node\":$other,\"kind\":\"${need%%/*}\",\"id\":\"${need#*/}\"$gone}"
	done
	echo "{\"event\":\"step\",\"do\":\"$action\",\"kind\":\"$kind\",\"id\":\"$id\",\"digest\":\"$digest\"," \
		"\"changes\":[$changes],\"loses_data\":$loses,\"needs\":[$needs],\"refused\":$refused}" |
		sed 's/", "/","/; s/, "changes/,"changes/' >>"$MOYAI_FAKE/$node.plan"
}
fault() {
	local node=$1
	shift
	echo "$*" >>"$MOYAI_FAKE/$node.mode"
}

# run_moyai ARG…: its output in $work/out and $work/err, its exit code in $code. Seconds vary.
code=0
run_moyai() {
	timeout 60 "$moyai" -C "$work/site" "$@" >"$work/out.raw" 2>"$work/err" </dev/null
	code=$?
	sed -E 's/ in [0-9]+ s,/ in N s,/' "$work/out.raw" >"$work/out"
}

problem=''
bad() {
	problem="$problem
# $1"
}
expect_code() {
	[ "$code" -eq "$1" ] || bad "exit code $code instead of $1"
}
# expect out|err|log: exactly the text on stdin.
expect() {
	local from=$work/$1
	[ "$1" != log ] || from=$MOYAI_FAKE/log
	diff -u - "$from" >"$work/diff" 2>&1 || bad "$1 differs:
$(sed 's/^/# /' "$work/diff")"
}
done_testing() {
	if [ -z "$problem" ]; then
		echo "ok remote: $1"
	else
		echo "not ok remote: $1$problem"
		failures=$((failures + 1))
	fi
	problem=''
}

storage() {
	site store1 vm1 vm2
	changes='{"field":"name","have":null,"want":"data"},{"field":"size","have":null,"want":"1G"}'
	step store1 create volume/data
	changes=''
	step store1 create target/data volume/data
	step vm1 create session/data store1:target/data
	changes='{"field":"vlan","have":"20","want":"30"},{"field":"mtu","have":"1500","want":null}'
	step vm2 change bridge/br0
	changes=''
}
