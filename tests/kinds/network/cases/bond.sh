# shellcheck shell=sh disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-3.0-or-later
for port in 1 2 3; do
	ip link add "leg$port" type veth peer name "far$port"
	ip link set "far$port" up
done
bond='"name":"bond0","miimon":100,"link":"up"'
slice bond "$(want bond "$bond"',"links":["leg1","leg2"],"mode":"active-backup","mtu":1500')"
slice bond_lacp "$(want bond "$bond"',"links":["leg1","leg3"],"mode":"802.3ad","lacp_rate":"fast","mtu":1400')"
slice bond_vlan "$(want bond "$bond"',"links":["leg1","leg2"],"mode":"active-backup","mtu":1500')" \
	"$(want vlan '"name":"storage","parent":"bond0","id":20,"mtu":1450,"addresses":["10.77.20.12/24","fd00:20::12/64"],'"$live")"
expect 2 "create bond/bond0: links[>leg1, leg2] mode[>active-backup] miimon[>100] mtu[>1500] link[>up]
1 steps, 0 kept" "bond: planned" plan bond
comes bond 1 "bond: created"
check_has "bond: the kernel has it" 'bond mode active-backup .*miimon 100 ' ip -o -d link show bond0
check_has "bond: its interfaces" '^leg1 leg2$' cat /sys/class/net/bond0/bonding/slaves
comes bond_vlan 2 "bond: a vlan on it"
check_has "bond: the vlan's address" 'inet 10.77.20.12/24' ip -o addr show storage
ip link set leg2 nomaster
expect 2 "change bond/bond0: links[leg1>leg1, leg2]
1 steps, 1 kept" "bond: a lost interface is seen" plan bond_vlan
comes bond_vlan 2 "bond: and taken in again"
check_has "bond: the vlan has kept its address" 'inet 10.77.20.12/24' ip -o addr show storage
ip link set far1 down
sleep 1
check_has "bond: with one interface down, the other is used" '^leg2$' cat /sys/class/net/bond0/bonding/active_slave
ip link set far1 up
comes bond 1 "bond: the vlan goes, the bond stays"
comes bond_lacp 1 "bond: mode, rate, mtu and interfaces changed"
check_has "bond: LACP, fast" 'bond mode 802.3ad .*lacp_rate fast' ip -o -d link show bond0
check_has "bond: the mtu of its interfaces" 'mtu 1400' ip -o link show leg3
check_has "bond: the other interface" '^leg1 leg3$' cat /sys/class/net/bond0/bonding/slaves
# A switch that speaks LACP: the other end, by the kernel's own tools.
ip link add far0 type bond mode 802.3ad lacp_rate fast miimon 100
for port in 1 3; do
	ip link set "far$port" down
	ip link set "far$port" master far0
done
ip link set far0 up
agreed() { # PORTS
	for try in $(seq 60); do
		[ "$(cat /sys/class/net/bond0/bonding/ad_partner_mac) $(cat /sys/class/net/bond0/bonding/ad_num_ports)" = \
			"$(cat /sys/class/net/far0/address) $1" ] && return
		sleep 0.5
	done
	cat /proc/net/bonding/bond0
	return 1
}
check "bond: LACP: both ends agree on both interfaces" agreed 2
ip link set far1 down
check "bond: LACP: one is lost, and the other goes on" agreed 1
ip link set far1 up
check "bond: LACP: it is taken in again" agreed 2
expect 0 "0 steps, 1 kept" "bond: LACP: nothing is left to do" plan bond_lacp
ip link del far0
for port in 1 3; do
	ip link set "far$port" up
done
slice bond_mac "$(want bond "$bond"',"links":["02:00:00:00:00:07","leg1"],"mode":"active-backup","mtu":1500')"
expect 1 "change bond/bond0: links[leg1, leg3>02:00:00:00:00:07, leg1] mode[802.3ad>active-backup] mtu[1400>1500]
failed bond/bond0: there is no interface 02:00:00:00:00:07; this node has boot0 ($(cat /sys/class/net/boot0/address))
1 steps, 0 kept" "bond: an interface that is not there" apply bond_mac
comes nothing 0 "bond: removed"
check_not "bond: it is gone" ip link show bond0
check "bond: its interfaces are there" ip link show leg1
ip link add bond0 type bridge
check_plan "bond: a name that is taken is refused" "refused: interface bond0 is there already and is not Moyai's: a bridge" bond
ip link del bond0
interrupted "bond" nothing bond_vlan bond bond_lacp nothing
for port in 1 2 3; do
	ip link del "leg$port"
done
