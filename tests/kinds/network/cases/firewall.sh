# shellcheck shell=sh disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-3.0-or-later
slice wall "$(want firewall '"name":"site","rules":["allow * storage icmp *","allow guests boot0 * *","allow guests storage tcp 22,80-90","established","exit br-link100 guests","forward boot0 tcp 8080 10.77.30.5 80","forward boot0 udp 53 fd00:30::5 53","forward guests tcp 2201 100.64.1.146 22 10.77.30.1","guard br-link100"]')"
slice wall_shut "$(want firewall '"name":"site","rules":["established"]')"
slice wall_named "$(want firewall '"name":"other","rules":["established"]')"
comes wall 1 "firewall: created"
check_has "firewall: default deny" 'hook forward priority filter; policy drop;' nft list table inet moyai
check_has "firewall: a rule" 'iifname "guests" oifname "storage" tcp dport { 22, 80-90 } accept' nft list table inet moyai
check_has "firewall: a port forward" 'iifname "boot0" meta nfproto ipv4 tcp dport 8080 dnat ip to 10.77.30.5:80' nft list table inet moyai
check_has "firewall: one for an address of ours" 'iifname "guests" ip daddr 10.77.30.1 tcp dport 2201 dnat ip to 100.64.1.146:22' nft list table inet moyai
check_has "firewall: a guarded link" 'iifname "br-link100" ct state new drop' nft list chain inet moyai input
check_has "firewall: its way out" 'iifname "br-link100" oifname "guests" accept' nft list chain inet moyai guard
nft insert rule inet moyai forward accept
check_plan "firewall: a rule of others is seen" "rules\[.*changed by others" wall
comes wall 1 "firewall: and goes"
nft flush chain inet moyai prerouting
check_plan "firewall: half a port forward is seen" "rules\[.*changed forward boot0 tcp 8080" wall
comes wall 1 "firewall: and is whole again"
nft flush chain inet moyai input
check_plan "firewall: half a guard is seen" "rules\[.*changed guard br-link100" wall
comes wall 1 "firewall: and shut again"
nft 'chain inet moyai forward { policy accept; }'
check_plan "firewall: another policy is seen" "rules\[.*changed chains" wall
comes wall 1 "firewall: and undone"
nft delete table inet moyai
comes wall 1 "firewall: comes back after nft delete table"
comes wall_shut 1 "firewall: shut"
check_not "firewall: nothing but answers" sh -c 'nft list table inet moyai | grep -v established | grep accept\ comment'
comes wall_named 1 "firewall: another name"
comes nothing 0 "firewall: removed"
check_not "firewall: the table is gone" nft list table inet moyai
nft add table inet moyai
comes nothing 0 "firewall: a table of others is not removed"
check "firewall: it is there" nft list table inet moyai
nft delete table inet moyai
slice wall_bad "$(want firewall '"name":"site","rules":["allow everything"]')"
expect 1 "create firewall/site: rules[>allow everything]
failed firewall/site: \"allow everything\" is no rule
1 steps, 0 kept" "firewall: what is no rule" apply wall_bad
interrupted "firewall" nothing wall wall_shut nothing

# What forwards stands behind it: not before it, not without it, and not after it.
forwarding() { want sysctl '"name":"net.ipv4.ip_forward","value":"'"$1"'"'"${2:+,\"firewall\":\"$2\"}"; }
has_forward() { check_has "$1" "^$2\$" cat /proc/sys/net/ipv4/ip_forward; }
echo 0 >/proc/sys/net/ipv4/ip_forward
slice gate "$(forwarding 1 site)" "$(want firewall '"name":"site","rules":["established"]')"
slice gate_off "$(forwarding 0)"
expect 2 "create firewall/site: rules[>established]
create sysctl/net.ipv4.ip_forward: value[>1]
2 steps, 0 kept" "firewall: it is first" plan gate
nft=$(command -v nft)
printf '#!/bin/sh\necho "Error: Could not process rule: Operation not supported" >&2\nexit 1\n' >"$dir/nft"
chmod +x "$dir/nft"
mount --bind "$dir/nft" "$nft"
expect 1 "create firewall/site: rules[>established]
failed firewall/site: nft: Error: Could not process rule: Operation not supported
create sysctl/net.ipv4.ip_forward: value[>1]
failed sysctl/net.ipv4.ip_forward: gw firewall/site failed
2 steps, 0 kept" "firewall: it fails, and what forwards is not started" apply gate
has_forward "firewall: nothing is forwarded" 0
umount "$nft"
comes gate 2 "firewall: it stands, and the gateway forwards"
has_forward "firewall: it does" 1
expect 2 "remove sysctl/net.ipv4.ip_forward: value[1>]
remove firewall/site: rules[established>]
2 steps, 0 kept" "firewall: it goes last" plan nothing
kept=/etc/sysctl.d/60-moyai-net.ipv4.ip_forward.conf
mount --bind "$kept" "$kept"
expect 1 "remove sysctl/net.ipv4.ip_forward: value[1>]
failed sysctl/net.ipv4.ip_forward: $kept: Device or resource busy
remove firewall/site: rules[established>]
failed firewall/site: gw sysctl/net.ipv4.ip_forward failed
2 steps, 0 kept" "firewall: and stays while what forwards does" apply nothing
check "firewall: it is there" nft list table inet moyai
umount "$kept"
comes gate 2 "firewall: whole again"
"$drive" "$dir/gate_off.json" apply >"$dir/out" 2>&1
expect 0 "0 steps, 1 kept" "firewall: it goes after forwarding was turned off" plan gate_off
has_forward "firewall: off" 0
comes gate 2 "firewall: on again"
comes nothing 0 "firewall: both removed"
has_forward "firewall: without one nothing is forwarded that nobody declares" 0
check_not "firewall: none is left" nft list table inet moyai
interrupted "firewall" nothing gate nothing
has_forward "firewall: nor after crashes" 0

# With packets, of both families: what is allowed is answered, if only by "refused"; what is not, by nobody.
for net in 1 2; do
	ip netns add "net$net"
	ip link add "lan$net" type veth peer name eth0 netns "net$net"
	ip addr add "10.9.$net.1/24" dev "lan$net"
	ip addr add "fd09:$net::1/64" dev "lan$net" nodad
	ip link set "lan$net" up
	ip -n "net$net" addr add "10.9.$net.2/24" dev eth0
	ip -n "net$net" addr add "fd09:$net::2/64" dev eth0 nodad
	ip -n "net$net" link set eth0 up
	ip -n "net$net" route add default via "10.9.$net.1"
	ip -n "net$net" -6 route add default via "fd09:$net::1"
done
slice packets "$(forwarding 1 site)" "$(want sysctl '"name":"net.ipv6.conf.all.forwarding","value":"1","firewall":"site"')" \
	"$(want firewall '"name":"site","rules":["allow * lan2 icmp *","allow lan1 lan2 tcp 80-90","established"]')"
comes packets 3 "firewall: between two networks"
# reaches FROM ADDRESS PORT: "refused" by whoever has it, or "nobody"; PORT ping: "answered", or "nobody"
reaches() {
	if [ "$3" = ping ]; then
		ip netns exec "net$1" busybox ping -c 1 -W 3 "$2" >/dev/null 2>&1 && echo answered || echo nobody
	else
		ip netns exec "net$1" timeout 3 busybox nc -w 2 "$2" "$3" </dev/null 2>&1 | grep -q refused && echo refused || echo nobody
	fi
}
for to in 10.9.2.2 fd09:2::2; do
	check_has "firewall: packets: what is allowed is answered by $to" '^refused$' reaches 1 "$to" 80
	check_has "firewall: packets: … to the end of its range" '^refused$' reaches 1 "$to" 90
	check_has "firewall: packets: … and what is not is not" '^nobody$' reaches 1 "$to" 91
	check_has "firewall: packets: a ping is, and its answer comes back" '^answered$' reaches 1 "$to" ping
done
for to in 10.9.1.2 fd09:1::2; do
	check_has "firewall: packets: nothing of the other way round reaches $to" '^nobody$' reaches 2 "$to" 80
	check_has "firewall: packets: … nor a ping" '^nobody$' reaches 2 "$to" ping
done
comes nothing 0 "firewall: packets: removed"
ip netns del net1
ip netns del net2
