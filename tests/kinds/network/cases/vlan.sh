# shellcheck shell=sh disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-3.0-or-later
address='"addresses":["10.77.20.12/24"]'
slice vlan "$(want vlan '"name":"storage","parent":"boot0","id":20,"mtu":1450,'"$address,$live")"
slice vlan_other "$(want vlan '"name":"storage","parent":"boot0","id":21,"mtu":1400,"addresses":["10.77.21.12/24","10.77.22.12/24"],"gateway":"10.77.21.1",'"$live")"
slice vlan_bare "$(want vlan '"name":"storage","parent":"boot0","id":20,"mtu":1450,'"$live")"
slice vlan_big "$(want vlan '"name":"storage","parent":"boot0","id":20,"mtu":9000,'"$address,$live")"
slice vlan_lost "$(want vlan '"name":"storage","parent":"eth7","id":20,"mtu":1450,'"$live")"
expect 2 "create vlan/storage: parent[>boot0] id[>20] mtu[>1450] addresses[>10.77.20.12/24] link[>up] undeclared[>none]
1 steps, 0 kept" "vlan: planned" plan vlan
comes vlan 1 "vlan: created"
check_has "vlan: the kernel has it" 'storage@boot0: .*mtu 1450.*vlan protocol 802.1Q id 20' ip -o -d link show storage
check_has "vlan: its address" 'inet 10.77.20.12/24' ip -o addr show storage
ip link del storage
comes vlan 1 "vlan: comes back after ip link del"
ip addr del 10.77.20.12/24 dev storage
expect 2 "change vlan/storage: addresses[>10.77.20.12/24]
1 steps, 0 kept" "vlan: a lost address is seen" plan vlan
comes vlan 1 "vlan: and given back"
ip addr add 10.99.0.1/24 dev storage
comes vlan 1 "vlan: an address too many goes"
pattern=10.99.0.1
check_not "vlan: it is gone" has ip -o addr show storage
ip link set storage mtu 1300
comes vlan 1 "vlan: mtu set outside"
ip link set storage down
expect 2 "change vlan/storage: link[down>up]
1 steps, 0 kept" "vlan: taken down is seen" plan vlan
comes vlan 1 "vlan: taken up again"
comes vlan_bare 1 "vlan: no address wanted"
comes vlan 1 "vlan: address again"
comes vlan_other 1 "vlan: tag, mtu, addresses, gateway changed"
check_has "vlan: default route" 'default via 10.77.21.1 dev storage' ip route
comes vlan 1 "vlan: changed back"
expect 2 "change vlan/storage: mtu[1450>9000] refused: mtu 9000 is larger than 1500, that of its parent boot0
1 steps, 0 kept" "vlan: too large an mtu is refused" plan vlan_big
slice vlan_renamed "$(want vlan '"name":"store","parent":"boot0","id":20,"mtu":1450,'"$address,$live")"
comes vlan_renamed 1 "vlan: another name for the same tag"
comes nothing 0 "vlan: removed"
ip link add link boot0 name alien type vlan id 20
expect 1 "create vlan/storage: parent[>boot0] id[>20] mtu[>1450] addresses[>10.77.20.12/24] link[>up] undeclared[>none]
failed vlan/storage: tag 20 on boot0 is that of interface alien, which is not Moyai's
1 steps, 0 kept" "vlan: a tag that is taken" apply vlan
ip link del alien
comes nothing 0 "vlan: the mark of the failed one goes"
check_not "vlan: it is gone" ip link show storage
expect 2 "create vlan/storage: parent[>boot0] id[>20] mtu[>9000] addresses[>10.77.20.12/24] link[>up] undeclared[>none] refused: mtu 9000 is larger than 1500, that of its parent boot0
1 steps, 0 kept" "vlan: too large an mtu is refused before it is there" plan vlan_big
expect 1 "create vlan/storage: parent[>eth7] id[>20] mtu[>1450] link[>up] undeclared[>none]
failed vlan/storage: there is no interface eth7; this node has lo, boot0
1 steps, 0 kept" "vlan: no such parent" apply vlan_lost
ip link add storage type bridge
expect 2 "create vlan/storage: parent[>boot0] id[>20] mtu[>1450] addresses[>10.77.20.12/24] link[>up] undeclared[>none] refused: interface storage is there already and is not Moyai's: a bridge
1 steps, 0 kept" "vlan: a name that is taken is refused" plan vlan
ip link del storage
ip link add link boot0 name storage mtu 1450 type vlan id 20
ip link set storage up
check_plan "vlan: one like it that others made is refused" \
	"refused: interface storage is there already and is not Moyai's: a vlan interface" vlan_bare
ip link del storage
slice vlan_two "$(want vlan '"name":"one","parent":"boot0","id":21,"mtu":1450,'"$live")" \
	"$(want vlan '"name":"two","parent":"boot0","id":22,"mtu":1450,'"$live")"
slice vlan_swapped "$(want vlan '"name":"one","parent":"boot0","id":22,"mtu":1450,'"$live")" \
	"$(want vlan '"name":"two","parent":"boot0","id":21,"mtu":1450,'"$live")"
comes vlan_two 2 "vlan: two"
comes vlan_swapped 2 "vlan: two change their tags with each other"
check_has "vlan: the tag of the other" 'vlan protocol 802.1Q id 21' ip -o -d link show two
# A DHCP server at the other end of a wire.
road
ip netns exec client ip link add link road-end name lease-end type vlan id 44
ip netns exec client ip addr add 10.44.0.1/24 dev lease-end
ip netns exec client ip link set lease-end up
ip netns exec client dnsmasq --port=0 --interface=lease-end --bind-dynamic --dhcp-range=10.44.0.5,10.44.0.5,255.255.255.0 \
	--dhcp-leasefile=/run/lease-test --pid-file=/run/lease-test.pid --conf-file=/dev/null
slice vlan_dhcp "$(want vlan '"name":"lease","parent":"road","id":44,"mtu":1450,"dhcp":true,"lease":"held",'"$live")"
slice vlan_dhcp_off "$(want vlan '"name":"lease","parent":"road","id":44,"mtu":1450,'"$live")"
comes vlan_dhcp 1 "vlan: an address by DHCP"
check_has "vlan: the one that was given out" 'inet 10.44.0.5/24' ip -o addr show lease
check_has "vlan: and the router" 'default via 10.44.0.1 dev lease' ip route
comes vlan_dhcp_off 1 "vlan: without DHCP"
pattern=10.44.0.5
check_not "vlan: the address is gone" has ip -o addr show lease
comes nothing 0 "vlan: removed"
kill "$(cat /run/lease-test.pid)"
road_away
interrupted "vlan tags changed with each other" vlan_two vlan_swapped
interrupted "vlan" nothing vlan vlan_other nothing
