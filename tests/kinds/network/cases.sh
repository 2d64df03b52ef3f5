#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The kinds of the network for real, on a machine that may be spoilt: root, systemd-networkd,
# an interface boot0 with an address by DHCP. `cases.sh DRIVE [KIND…]` prints a line per check and ends
# with "N passed, N failed". Each kind's are in cases/KIND.sh, written with what is here.
set -u
drive=$1
shift # the rest: kinds to look at; all of them when there is none
dir=$(mktemp -d)
passed=0
failed=0

ok() { passed=$((passed + 1)); echo "ok $1"; }
not_ok() { failed=$((failed + 1)); echo "not ok $1"; sed 's/^/    /' "$dir/out"; }

# slice NAME WANT…: writes $dir/NAME.json
slice() {
	slice_name=$1
	shift
	printf '{"site":"demo","node":"gw","wants":[%s]}' "$(IFS=,; echo "$*")" >"$dir/$slice_name.json"
}
want() { printf '{"kind":"%s","fields":{%s}}' "$1" "$2"; }

# expect CODE TEXT WHAT VERB SLICE: exit code and the whole output
expect() {
	"$drive" "$dir/$5.json" "$4" >"$dir/out" 2>&1
	code=$?
	printf '%s\n' "$2" >"$dir/expected"
	if [ $code -eq "$1" ] && cmp -s "$dir/out" "$dir/expected"; then
		ok "$3"
	else
		{ echo "exit code $code, expected $1:"; cat "$dir/expected"; } >>"$dir/out"
		not_ok "$3"
	fi
}
# comes SLICE COUNT WHAT: applied without an error, and nothing is left to do
comes() {
	if "$drive" "$dir/$1.json" apply >"$dir/out" 2>&1; then
		expect 0 "0 steps, $2 kept" "$3" plan "$1"
	else
		not_ok "$3"
	fi
}
# check WHAT COMMAND…
check() {
	what=$1
	shift
	if "$@" >"$dir/out" 2>&1; then ok "$what"; else not_ok "$what"; fi
}
has() { "$@" 2>&1 | grep -q -e "$pattern"; }
check_has() { # WHAT PATTERN COMMAND…
	what=$1 pattern=$2
	shift 2
	if "$@" >"$dir/out" 2>&1 && grep -q -e "$pattern" "$dir/out"; then ok "$what"; else not_ok "$what"; fi
}
check_not() { # WHAT COMMAND…
	what=$1
	shift
	if "$@" >"$dir/out" 2>&1; then not_ok "$what"; else ok "$what"; fi
}

check_plan() { # WHAT PATTERN SLICE
	"$drive" "$dir/$3.json" plan >"$dir/out" 2>&1
	if [ $? -eq 2 ] && grep -q -e "$2" "$dir/out"; then ok "$1"; else not_ok "$1"; fi
}

# kill_at POINT SLICE: an apply that is killed there (0: it is not); its exit code in $code. networkd
# goes on with what it was asked for, so that a link may come up between plan and apply: that is
# refused with its own words, and planned again, twice.
kill_at() {
	for try in 1 2 3; do
		MOYAI_CRASH_AT=$1 "$drive" "$dir/$2.json" apply >"$dir/out" 2>&1
		code=$?
		grep -q 'changed since it was planned; plan again$' "$dir/out" || return 0
		echo "# try $try: changed since it was planned"
		sleep 1
	done
}
applied() { kill_at 0 "$1"; [ $code -eq 0 ]; }
whole() { "$drive" "$dir/$1.json" plan >"$dir/out" 2>&1; }

# interrupted WHAT SLICE…: from each to the next, killed on the way until a run comes to its end: each
# run POINT_STEP points further on in what is left, or (1) at each point of the whole way.
interrupted() {
	what=$1 from=$2
	shift 2
	applied "$from" || { not_ok "$what: $from"; return; }
	for to; do
		if way; then
			ok "$what: from $from to $to, killed on the way"
			echo "# killed $killed times"
		else
			not_ok "$what: from $from to $to: exit code $code, killed $killed times"
			return
		fi
		from=$to
	done
}
way() {
	killed=0
	step=${POINT_STEP:-3}
	while [ $killed -lt 100 ]; do
		kill_at $((1 + killed * step)) "$to"
		[ $code -eq 137 ] || break
		killed=$((killed + 1))
		[ "$step" -gt 1 ] || { applied "$to" && whole "$to" && applied "$from"; } || return
	done
	[ $code -eq 0 ] && [ $killed -gt 0 ] && whole "$to"
}

boot_address=$(ip -4 -o addr show boot0 | awk '{print $4}')
ip -o monitor address >"$dir/monitor" 2>&1 &
monitor=$!
# shellcheck disable=SC2034 # for the cases
live='"link":"up","undeclared":"none"'
slice nothing
expect 0 "0 steps, 0 kept" "nothing wanted, nothing there" plan nothing

# ping_once ADDRESS: it answers within a few seconds
ping_once() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		busybox ping -c 1 -W 1 "$1" >/dev/null 2>&1 && return 0
	done
	return 1
}
# A network beside: `road` here, `road-end` in the namespace `client`.
road() {
	ip netns add client
	ip link add road type veth peer name road-end netns client
	ip addr add 10.66.0.1/24 dev road
	ip link set road up
	ip -n client link set lo up
	ip -n client link set road-end address 52:54:00:66:00:13 up
}
road_away() {
	ip netns del client
	ip link del road 2>/dev/null
}

[ $# -gt 0 ] || set -- sysctl service vlan bridge masquerade bond port route firewall link resolver clock journal isolation
for kind; do
	echo "# $kind"
	# shellcheck source=/dev/null
	. "${0%/*}/cases/$kind.sh"
done

echo "# the connection"
kill $monitor
check_not "boot0 never lost its address" grep -E 'Deleted .*boot0' "$dir/monitor"
check_has "boot0 has its address" "inet $boot_address " ip -o -4 addr show boot0
"$drive" "$dir/nothing.json" facts
rm -rf "$dir"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
