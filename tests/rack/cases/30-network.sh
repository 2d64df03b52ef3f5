# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2154
# The network as the kernel tells it.

number=10
for node in manager gw vm1 store1 mem1; do
	number=$((number + 1))
	link=$(on "$node" "ip -d -j link show storage" | gojq -r '.[0] | [.linkinfo.info_kind, .linkinfo.info_data.id, .mtu, .link, .flags[]] | join(" ")')
	expect_text "network: $node has the storage VLAN 20 on boot0 with its MTU" '^vlan 20 1450 boot0 .*LOWER_UP' "$link"
	expect_same "network: $node has its address there" "10.77.20.$number/24" \
		"$(on "$node" "ip -j -4 addr show storage" | gojq -r '.[0].addr_info[] | "\(.local)/\(.prefixlen)"')"
done
# The images have busybox's ping alone.
expect "network: packets as long as the MTU from vm1 to store1 over the VLAN" on vm1 "busybox ping -c 2 -W 5 -s 1422 10.77.20.14"
rack_net timeout 20 tcpdump -lnni br-rack -c 2 'vlan 20 and icmp' >"$test_dir/tcpdump" 2>/dev/null &
tcpdump=$!
sleep 1
on mem1 "busybox ping -c 3 -W 5 10.77.20.11" >/dev/null
expect_ended "network: the frames on the wire carry tag 20" "$tcpdump"
expect_text "network: vm1 has a bridge on the tagged interface" 'guests.* master br-guests' "$(on vm1 "ip -d -o link show master br-guests")"
expect_text "network: … tag 30" 'vlan protocol 802.1Q id 30' "$(on vm1 "ip -d -o link show master br-guests")"
expect_same "network: the bridge has the address" "10.77.30.13" "$(on vm1 "ip -j -4 addr show br-guests" | gojq -r '.[0].addr_info[].local')"
expect_same "network: gw forwards" 1 "$(on gw "cat /proc/sys/net/ipv4/ip_forward")"
expect_text "network: gw masquerades" 'masquerade' "$(on gw "nft list ruleset")"

# A guest: a namespace on vm1, plugged into the bridge, that knows only its gateway.
on vm1 "ip netns add guest && ip link add veth-guest type veth peer name eth0 netns guest &&
	ip link set veth-guest master br-guests up && ip -n guest link set eth0 up &&
	ip -n guest addr add 10.77.30.99/24 dev eth0 && ip -n guest route add default via 10.77.30.12"
rack_net timeout 20 tcpdump -lnni br-rack -c 1 'icmp and src 10.77.0.12 and dst 10.77.0.1' >"$test_dir/tcpdump" 2>/dev/null &
tcpdump=$!
sleep 1
expect "network: a guest reaches the world through gw" on vm1 "ip netns exec guest busybox ping -c 3 -W 5 10.77.0.1"
expect_ended "network: … and the world sees gw's address" "$tcpdump"

# ---- isolation: frames of every kind, from the guest and from the network of disks ----
# kinds_of NODE LINK: what it got, of those that were sent. A guest's frames with tag 0 or with a provider's tag are
# of its own network as any other; with a tag of its own they would be "own-" or "twice-".
kinds_of() {
	sed -nE "s/^$2 ([a-z0-9-]+) [0-9]+\$/\1/p" "$test_dir/count-$1" | grep -vxE 'all|tags|(priority|provider)-.*' | sort | paste -sd' '
}
tags_of() { sed -n "s/^$2 tags //p" "$test_dir/count-$1" | tr ' ' '\n' | sort -n | paste -sd' '; }
expect_exit "isolation: what counts and sends is on the nodes" 0 moyai copy gw,vm1,mem1 "$build/tests/frames" /run/frames
counters=()
listen() { # NODE COMMAND
	on "$1" "$2" >"$test_dir/count-$1" 2>&1 &
	counters+=($!)
	expect "isolation: $1 listens" within 20 grep -q ready "$test_dir/count-$1"
}
listen gw "/run/frames count 50000 guests storage"
listen mem1 "/run/frames count 50000 storage boot0"
listen vm1 "ip netns exec guest /run/frames count 50000 eth0"
on vm1 "ip netns exec guest /run/frames send eth0 20 '' && ip netns exec guest /run/frames tagged eth0 20 20 &&
	ip netns exec guest /run/frames tagged eth0 20 30"
on mem1 "/run/frames send storage 20 disk-"
on gw "/run/frames send guests 20 gw-"
sleep 2
for node in gw vm1 mem1; do on "$node" "busybox killall -TERM frames"; done
wait "${counters[@]}"
every="arp broadcast ipv4 ipv6 multicast unknown"
expect_same "isolation: gw gets every kind of the guest's, and nothing else on their network" "$every" "$(kinds_of gw guests)"
expect_same "isolation: … and every kind on the network of disks, and nothing of the guest's" \
	"disk-${every// / disk-}" "$(kinds_of gw storage)"
expect_same "isolation: the guest gets every kind of gw's, and nothing else" "gw-${every// / gw-}" "$(kinds_of vm1 eth0)"
expect_same "isolation: mem1 gets nothing of either on its network of disks" "" "$(kinds_of mem1 storage)"
expect_same "isolation: … and what passes by has the tag of the guests' network, and no other" 30 "$(tags_of mem1 boot0)"
sed 's/^/# /' "$test_dir"/count-*
on vm1 "ip netns del guest"
