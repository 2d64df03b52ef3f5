# shellcheck shell=sh disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-3.0-or-later
# Two networks over one wire, each with two guests here and one port at the other end of the wire.
# Frames of every kind begin at one guest; every one of them is counted wherever it comes out.
frames=$(dirname "$drive")/frames
ip link add wire type veth peer name far
ip link set far up
for network in guests lab; do
	tag=30
	[ $network = guests ] || tag=31
	ip link add link far name "far-$network" type vlan id $tag
	ip link set "far-$network" up
	for guest in 1 2; do
		ip link add "$network$guest" type veth peer name "$network$guest-in"
		ip link set "$network$guest" up
		ip link set "$network$guest-in" up
	done
done
part() {
	want vlan '"name":"'"$1"'","parent":"bond0","id":'"$2"',"mtu":1450,"bridge":"br-'"$1"'",'"$live"
	printf ,
	want bridge '"name":"br-'"$1"'","network":"'"$1"'","port":"'"$1"'","mtu":1450,"filtering":"on",'"$live"
}
slice isolation "$(want bond '"name":"bond0","links":["wire"],"mode":"active-backup","miimon":100,"mtu":1500,"link":"up"')" \
	"$(part guests 30)" "$(part lab 31)"
comes isolation 5 "isolation: two networks on a bond"
for guest in guests1 guests2 lab1 lab2; do
	ip link set "$guest" master "br-${guest%?}"
done
"$frames" count 60000 guests2-in lab2-in far-guests far-lab far >"$dir/count" 2>&1 &
counter=$!
for try in 1 2 3 4 5 6 7 8 9 10; do
	grep -q ready "$dir/count" && break
	sleep 0.2
done
"$frames" send guests1-in 50 ""
"$frames" send lab1-in 50 lab-
"$frames" tagged guests1-in 50 31
"$frames" tagged guests1-in 50 30
sleep 1
kill $counter
wait $counter
cat "$dir/count" >"$dir/out"
sed 's/^/# /' "$dir/count"
# The positive control, in the same capture: all six kinds, each frame of them, on both networks.
for kind in broadcast arp ipv4 ipv6 multicast unknown; do
	for place in guests2-in far-guests; do
		check_has "isolation: $place gets every $kind of its network" "^$place $kind 50\$" cat "$dir/count"
	done
	for place in lab2-in far-lab; do
		check_has "isolation: $place gets every $kind of its network" "^$place lab-$kind 50\$" cat "$dir/count"
	done
done
pattern='^\(lab2-in\|far-lab\) \(lab-\|all 300$\|tags\)'
check_not "isolation: nothing of guests comes out on lab" sh -c "grep '^lab2-in\|^far-lab' '$dir/count' | grep -v '$pattern'"
check_has "isolation: … which got 300 frames, its own" '^lab2-in all 300$' cat "$dir/count"
check_has "isolation: … at the other end of the wire, too" '^far-lab all 300$' cat "$dir/count"
check_not "isolation: nothing of lab comes out on guests" grep '^\(guests2-in\|far-guests\) lab-' "$dir/count"
check_not "isolation: what a guest tags itself gets nowhere, not even with its own network's tag" \
	grep '\(own\|twice\)-' "$dir/count"
check_has "isolation: the wire has seen no other tags" '^far tags \(30 31\|31 30\)$' cat "$dir/count"
check_not "isolation: a bridge passes on no frame for bridges" grep ' stp ' "$dir/count"
comes nothing 0 "isolation: end"
ip link del wire
for guest in guests1 guests2 lab1 lab2; do
	ip link del "$guest"
done
