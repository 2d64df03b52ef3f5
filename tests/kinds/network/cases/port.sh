# shellcheck shell=sh disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-3.0-or-later
# The end of a wire, as a second network port is, with a DHCP server at the other end.
ip netns add client
ip link add eth1 type veth peer name eth1-end netns client
ip -n client addr add 192.0.2.1/24 dev eth1-end
ip -n client link set eth1-end up
ip netns exec client dnsmasq --port=0 --interface=eth1-end --bind-dynamic --dhcp-range=192.0.2.77,192.0.2.77,255.255.255.0 \
	--dhcp-leasefile=/run/port-lease --pid-file=/run/port-lease.pid --conf-file=/dev/null
port='"name":"eth1","mtu":1400'
slice port "$(want port "$port"',"addresses":["192.0.2.12/24","fd00:2::12/64"],"gateway":"192.0.2.1",'"$live")"
slice port_other "$(want port '"name":"eth1","mtu":1500,"addresses":["192.0.2.13/24"],'"$live")"
slice port_dhcp "$(want port "$port"',"dhcp":true,"lease":"held",'"$live")"
slice port_none "$(want port '"name":"eth7",'"$live")"
expect 2 "create port/eth1: mtu[>1400] addresses[>192.0.2.12/24, fd00:2::12/64] gateway[>192.0.2.1] link[>up] undeclared[>none]
1 steps, 0 kept" "port: planned" plan port
comes port 1 "port: static addresses"
check_has "port: the kernel has them" 'inet 192.0.2.12/24' ip -o addr show eth1
check_has "port: and the mtu" 'mtu 1400' ip -o link show eth1
check_has "port: and the router" 'default via 192.0.2.1 dev eth1' ip route
check "port: the other end answers" ping_once 192.0.2.1
ip addr del 192.0.2.12/24 dev eth1
check_plan "port: a lost address is seen" '^change port/eth1: addresses\[fd00:2::12/64>192.0.2.12/24, fd00:2::12/64\]' port
comes port 1 "port: and given back"
ip addr add 10.99.0.1/24 dev eth1
comes port 1 "port: an address too many goes"
ip link set eth1 down
comes port 1 "port: taken up again"
comes port_other 1 "port: other address, no router"
pattern='default via .* dev eth1'
check_not "port: the router is gone" has ip route
comes port_dhcp 1 "port: an address by DHCP"
check_has "port: the one that was given out" 'inet 192.0.2.77/24' ip -o addr show eth1
comes port 1 "port: static again"
pattern='192.0.2.77'
check_not "port: the lease is gone" has ip -o addr show eth1
slice port_vlan "$(want port "$port"',"addresses":["192.0.2.12/24"],'"$live")" \
	"$(want vlan '"name":"storage","parent":"eth1","id":20,"mtu":1400,"addresses":["10.77.20.12/24"],'"$live")"
comes port_vlan 2 "port: a vlan on it"
port_vlan_of() { # PORT_MTU VLAN_MTU [PARENT_MTU]
	slice "port_vlan_$1" "$(want port '"name":"eth1","mtu":'"$1"',"addresses":["192.0.2.12/24"],'"$live")" \
		"$(want vlan '"name":"storage","parent":"eth1","id":20,"mtu":'"$2,${3:+\"parent_mtu\":$3,}"'"addresses":["10.77.20.12/24"],'"$live")"
}
port_vlan_of 9000 8900 9000
comes port_vlan_9000 2 "port: it and its vlan get a larger mtu at once"
check_has "port: the vlan has it" 'mtu 8900' ip -o link show storage
comes port_vlan 2 "port: and a smaller one"
comes nothing 0 "port: removed with its vlan"
ip link set eth1 mtu 1500
expect 2 "create port/eth1: mtu[>9000] addresses[>192.0.2.12/24] link[>up] undeclared[>none]
create vlan/storage: parent[>eth1] id[>20] mtu[>8900] addresses[>10.77.20.12/24] link[>up] undeclared[>none]
2 steps, 0 kept" "port: so it is on a machine that has just booted" plan port_vlan_9000
comes port_vlan_9000 2 "port: and comes true there"
comes nothing 0 "port: removed"
ip link set eth1 mtu 1500
slice vlan_alone "$(want vlan '"name":"storage","parent":"eth1","id":20,"mtu":8900,'"$live")"
check_plan "port: one that nobody declares is as it is" 'refused: mtu 8900 is larger than 1500, that of its parent eth1' vlan_alone
pattern='inet'
check_not "port: it has no address" has ip -o addr show eth1
check_has "port: it is there, and down" 'state DOWN' ip -o link show eth1
ip addr add 198.51.100.7/24 dev eth1
expect 2 "create port/eth1: mtu[>1400] addresses[>192.0.2.12/24, fd00:2::12/64] gateway[>192.0.2.1] link[>up] undeclared[>none] refused: interface eth1 has the address 198.51.100.7/24, which is not Moyai's
1 steps, 0 kept" "port: one with an address of others is refused" plan port
ip addr del 198.51.100.7/24 dev eth1
check_plan "port: one that is not there is refused" 'refused: there is no interface eth7; this node has boot0 (' port_none
ip link add eth7 type bridge
check_plan "port: what is no port is refused" 'refused: interface eth7 is a bridge, and no port of the machine' port_none
ip link set eth1 master eth7
check_plan "port: one that is in use is refused" 'refused: interface eth1 is a port of eth7 already' port
ip link del eth7
interrupted "port" nothing port port_other nothing
kill "$(cat /run/port-lease.pid)"
ip netns del client
