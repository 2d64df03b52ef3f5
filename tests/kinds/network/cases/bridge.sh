# shellcheck shell=sh disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-3.0-or-later
guests="$(want vlan '"name":"guests","parent":"boot0","id":30,"mtu":1450,"bridge":"br-guests",'"$live")"
guests31="$(want vlan '"name":"guests","parent":"boot0","id":31,"mtu":1450,"bridge":"br-guests",'"$live")"
bridge='"name":"br-guests","network":"guests","port":"guests","mtu":1450,"filtering":"on"'
slice bridge "$guests" "$(want bridge "$bridge"',"addresses":["10.77.30.13/24"],"gateway":"10.77.30.12",'"$live")"
slice bridge31 "$guests31" "$(want bridge "$bridge"',"addresses":["10.77.30.13/24"],"gateway":"10.77.30.12",'"$live")"
slice bridge_bare "$guests" "$(want bridge "$bridge,$live")"
slice guests "$guests"
comes bridge 2 "bridge: created on its vlan"
check_has "bridge: the vlan is its port" 'master br-guests' ip -o link show guests
check_has "bridge: no spanning tree, no delay" 'forward_delay 0 .*stp_state 0' ip -o -d link show br-guests
check_has "bridge: its address" 'inet 10.77.30.13/24' ip -o addr show br-guests
check_has "bridge: forwards" 'state forwarding' ip -o -d link show guests
check_has "bridge: filters by VLAN" '^1$' cat /sys/class/net/br-guests/bridge/vlan_filtering
echo 0 >/sys/class/net/br-guests/bridge/vlan_filtering
expect 2 "change bridge/br-guests: filtering[off>on]
1 steps, 1 kept" "bridge: one that filters no more is seen" plan bridge
comes bridge 2 "bridge: and filters again"
mac=$(cat /sys/class/net/br-guests/address)
ip link set guests nomaster
# Its mtu may follow: the kernel's own choice while nobody set one.
check_plan "bridge: a lost port is seen" '^change bridge/br-guests: port\[>guests\]' bridge
comes bridge 2 "bridge: and comes back"
ip link del br-guests
comes bridge 2 "bridge: comes back after ip link del"
check_has "bridge: with the same MAC" "^$mac\$" cat /sys/class/net/br-guests/address
ip link del guests
comes bridge 2 "bridge: its vlan comes back after ip link del"
comes bridge31 2 "bridge: the tag below it changes"
check_has "bridge: the new vlan is its port" 'master br-guests' ip -o link show guests
comes bridge_bare 2 "bridge: without address"
comes bridge 2 "bridge: with address again"
comes guests 1 "bridge: removed, the vlan stays"
check_not "bridge: it is gone" ip link show br-guests
lab='"name":"br-lab","network":"lab","port":"lab","mtu":1450'
slice bridges "$guests" "$(want bridge "$bridge,$live")" "$(want bridge "$lab,$live")" \
	"$(want vlan '"name":"lab","parent":"boot0","id":31,"mtu":1450,"bridge":"br-lab",'"$live")"
slice bridges_swapped "$guests31" "$(want bridge "$bridge,$live")" "$(want bridge "$lab,$live")" \
	"$(want vlan '"name":"lab","parent":"boot0","id":30,"mtu":1450,"bridge":"br-lab",'"$live")"
comes bridges 4 "bridge: two"
comes bridges_swapped 4 "bridge: the vlans below two change their tags with each other"
check_has "bridge: the one is still its port" 'id 31 .*bridge_slave\|master br-guests.*id 31' ip -o -d link show guests
check_has "bridge: and the other" 'master br-lab' ip -o link show lab
slice bridge_moved "$(want vlan '"name":"lab","parent":"boot0","id":30,"mtu":1450,"bridge":"br-guests",'"$live")" \
	"$(want bridge '"name":"br-guests","network":"lab","port":"lab","mtu":1450,'"$live")"
expect 0 "change bridge/br-guests: port[guests>lab]
remove bridge/br-lab: port[lab>] mtu[1450>] link[up>] filtering[on>]
remove vlan/guests: parent[boot0>] id[31>] mtu[1450>] link[up>]
3 steps, 1 kept" "bridge: moves to another vlan, and then the first one goes" apply bridge_moved
expect 0 "0 steps, 2 kept" "bridge: moved" plan bridge_moved
slice bridge_renamed "$(want vlan '"name":"lab","parent":"boot0","id":30,"mtu":1450,"bridge":"br-new",'"$live")" \
	"$(want bridge '"name":"br-new","network":"lab","port":"lab","mtu":1450,'"$live")"
comes bridge_renamed 2 "bridge: another name"
slice bridge_alone "$(want bridge '"name":"br-own","mtu":1500,"addresses":["10.9.0.1/24"],'"$live")"
comes bridge_alone 1 "bridge: on no network"
check_has "bridge: and its address" 'inet 10.9.0.1/24' ip -o addr show br-own
ip link add link boot0 name stray type vlan id 99
ip link set stray master br-own
check_plan "bridge: a vlan in one that has none is seen" '^change bridge/br-own: undeclared\[some>none\]' bridge_alone
comes bridge_alone 1 "bridge: and taken out"
check_not "bridge: it is in none" test -e /sys/class/net/stray/master
ip link del stray
slice qinq "$(want vlan '"name":"outer","parent":"boot0","id":41,"mtu":1450,'"$live")" \
	"$(want vlan '"name":"inner","parent":"outer","id":5,"mtu":1400,'"$live")"
comes qinq 2 "vlan: one in another"
expect 0 "remove vlan/inner: parent[outer>] id[5>] mtu[1400>] link[up>]
remove vlan/outer: parent[boot0>] id[41>] mtu[1450>] link[up>]
2 steps, 0 kept" "vlan: the one on the other goes first" apply nothing
interrupted "bridges whose tags are swapped" bridges bridges_swapped
interrupted "bridge" nothing bridge_bare bridge nothing
