#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The kinds of the network for real, on a machine that may be spoilt: root, systemd-networkd,
# an interface boot0 with an address by DHCP. `cases.sh DRIVE [KIND…]` prints a line per check and ends
# with "N passed, N failed".
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

# apply_again SLICE: after a kill. networkd goes on with what it was asked for, so that a link may
# come up between plan and apply: that is refused with its own words, and planned again, twice.
apply_again() {
	for try in 1 2 3; do
		"$drive" "$dir/$1.json" apply >"$dir/out" 2>&1 && return 0
		grep -q 'changed since it was planned; plan again$' "$dir/out" || return 1
		echo "# try $try: changed since it was planned"
		sleep 1
	done
	return 1
}

# interrupted WHAT FROM TO: killed on the way from one slice to the other, at every POINT_STEPth
# point (1: at each) that the way itself has
interrupted() {
	points=$dir/points
	: >"$points"
	"$drive" "$dir/$2.json" apply >"$dir/out" 2>&1 || { not_ok "$1: start"; return; }
	MOYAI_POINTS_FILE=$points "$drive" "$dir/$3.json" apply >"$dir/out" 2>&1 || { not_ok "$1: whole"; return; }
	count=$(wc -l <"$points")
	[ "$count" -gt 0 ] || { not_ok "$1: no points"; return; }
	at=1
	killed=0
	while [ $at -le "$count" ]; do
		"$drive" "$dir/$2.json" apply >"$dir/out" 2>&1 || { not_ok "$1: back before $at"; return; }
		MOYAI_CRASH_AT=$at "$drive" "$dir/$3.json" apply >"$dir/out" 2>&1
		code=$?
		# A link may already be down when it is to be: the way has a point or two less then.
		[ $code -eq 0 ] && [ $at -gt $((count - 3)) ] && break
		[ $code -eq 137 ] || { not_ok "$1: point $at was not reached"; return; }
		apply_again "$3" || { not_ok "$1: after point $at"; return; }
		"$drive" "$dir/$3.json" plan >"$dir/out" 2>&1 || { not_ok "$1: not whole after point $at"; return; }
		killed=$((killed + 1))
		at=$((at + ${POINT_STEP:-1}))
	done
	ok "$1: killed at $killed of $count points"
}

boot_address=$(ip -4 -o addr show boot0 | awk '{print $4}')
ip -o monitor address >"$dir/monitor" 2>&1 &
monitor=$!
live='"link":"up","undeclared":"none"'
slice nothing
expect 0 "0 steps, 0 kept" "nothing wanted, nothing there" plan nothing

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

cases_sysctl() {
slice sysctl "$(want sysctl '"name":"net.ipv4.ip_forward","value":"1"')" \
	"$(want sysctl '"name":"net.ipv4.tcp_rmem","value":"4096 131072   6291456"')"
slice sysctl_off "$(want sysctl '"name":"net.ipv4.ip_forward","value":"0"')"
comes sysctl 2 "sysctl: created, blanks do not count"
check_has "sysctl: the kernel has it" '^1$' cat /proc/sys/net/ipv4/ip_forward
sysctl -q -w net.ipv4.ip_forward=0
expect 2 "change sysctl/net.ipv4.ip_forward: value[0>1]
1 steps, 1 kept" "sysctl: drift is seen" plan sysctl
comes sysctl 2 "sysctl: drift is undone"
comes sysctl_off 1 "sysctl: changed, the other removed"
check_not "sysctl: its file is gone" test -e /etc/sysctl.d/60-moyai-net.ipv4.tcp_rmem.conf
slice sysctl_bad "$(want sysctl '"name":"net.ipv4.nothing","value":"1"')" \
	"$(want sysctl '"name":"net.ipv4.ip_forward","value":"seven"')"
expect 1 "create sysctl/net.ipv4.nothing: value[>1]
failed sysctl/net.ipv4.nothing: this kernel has no parameter net.ipv4.nothing
change sysctl/net.ipv4.ip_forward: value[0>seven]
failed sysctl/net.ipv4.ip_forward: /proc/sys/net/ipv4/ip_forward: \"seven\" is not taken: Invalid argument
2 steps, 0 kept" "sysctl: what the kernel does not take" apply sysctl_bad
interrupted "sysctl create" nothing sysctl
interrupted "sysctl change" sysctl_off sysctl
interrupted "sysctl remove" sysctl nothing
}

cases_service() {
printf '[Service]\nExecStart=/bin/sleep 1000000\n' >/run/systemd/system/moyai-test.service
printf '[Service]\nExecStart=/bin/sh -c "echo no disk to serve >&2; exit 3"\nType=oneshot\n' \
	>/run/systemd/system/moyai-bad.service
systemctl daemon-reload
slice service "$(want service '"name":"moyai-test.service","state":"running"')"
slice service_off "$(want service '"name":"moyai-test.service","state":"stopped"')"
slice service_bad "$(want service '"name":"moyai-bad.service"')"
slice service_none "$(want service '"name":"moyai-none.service"')"
comes service 1 "service: started"
check "service: it runs" systemctl -q is-active moyai-test.service
systemctl stop moyai-test.service
expect 2 "change service/moyai-test.service: state[stopped>running]
1 steps, 0 kept" "service: drift is seen" plan service
comes service 1 "service: drift is undone"
comes service_off 1 "service: stopped"
comes service 1 "service: started again"
comes nothing 0 "service: removed"
check "service: it still runs" systemctl -q is-active moyai-test.service
expect 1 "create service/moyai-bad.service: state[>running]
failed service/moyai-bad.service: systemctl start: Job for moyai-bad.service failed because the control process exited with error code.; its journal ends in: no disk to serve
1 steps, 0 kept" "service: one that fails says why" apply service_bad
expect 1 "create service/moyai-none.service: state[>running]
failed service/moyai-none.service: systemctl start: Failed to start moyai-none.service: Unit moyai-none.service not found.
remove service/moyai-bad.service: state[stopped>]
2 steps, 0 kept" "service: one that is not there" apply service_none
comes nothing 0 "service: failed ones removed"
interrupted "service start" service_off service
interrupted "service stop" service service_off
comes nothing 0 "service: end"
}

cases_vlan() {
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
interrupted "vlan create" nothing vlan
interrupted "vlan change" vlan vlan_other
interrupted "vlan remove" vlan nothing
}

cases_bridge() {
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
slice qinq "$(want vlan '"name":"outer","parent":"boot0","id":41,"mtu":1450,'"$live")" \
	"$(want vlan '"name":"inner","parent":"outer","id":5,"mtu":1400,'"$live")"
comes qinq 2 "vlan: one in another"
expect 0 "remove vlan/inner: parent[outer>] id[5>] mtu[1400>] link[up>]
remove vlan/outer: parent[boot0>] id[41>] mtu[1450>] link[up>]
2 steps, 0 kept" "vlan: the one on the other goes first" apply nothing
interrupted "bridges whose tags are swapped" bridges bridges_swapped
interrupted "bridge create" nothing bridge
interrupted "bridge change" bridge_bare bridge
interrupted "bridge remove" bridge nothing
}

cases_masquerade() {
slice nat "$(want masquerade '"name":"guests","from":"10.77.30.0/24","out":"boot0"')" \
	"$(want masquerade '"name":"one","from":"10.77.40.7/32","out":"boot0"')"
slice nat_other "$(want masquerade '"name":"guests","from":"10.77.31.0/25","out":"storage"')"
comes nat 2 "masquerade: created"
check_has "masquerade: nftables has it" 'ip saddr 10.77.30.0/24 oifname "boot0" masquerade comment "moyai:guests"' nft list table ip moyai
nft flush table ip moyai
expect 2 "create masquerade/guests: from[>10.77.30.0/24] out[>boot0]
create masquerade/one: from[>10.77.40.7/32] out[>boot0]
2 steps, 0 kept" "masquerade: nft flush is seen" plan nat
comes nat 2 "masquerade: and undone"
nft delete table ip moyai
comes nat 2 "masquerade: comes back after nft delete table"
nft add rule ip moyai postrouting ip saddr 10.77.30.0/24 oifname boot0 masquerade comment '"moyai:guests"'
comes nat 2 "masquerade: one rule of two the same goes"
comes nat_other 1 "masquerade: changed, the other removed"
check_has "masquerade: the new one" 'ip saddr 10.77.31.0/25 oifname "storage" masquerade' nft list table ip moyai
comes nothing 0 "masquerade: removed"
check_not "masquerade: the table is gone" nft list table ip moyai
interrupted "masquerade create" nothing nat
interrupted "masquerade change" nat nat_other
interrupted "masquerade remove" nat nothing
}

cases_bond() {
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
interrupted "bond create" nothing bond_vlan
interrupted "bond change" bond bond_lacp
interrupted "bond remove" bond_vlan nothing
for port in 1 2 3; do
	ip link del "leg$port"
done
}

cases_route() {
ip link add road type veth peer name road-end
ip addr add 10.66.0.2/24 dev road
ip addr add fd00:66::2/64 dev road nodad
ip link set road up
ip link set road-end up
slice route "$(want route '"name":"10.67.0.0/16","via":"10.66.0.1","link":"road","metric":512')" \
	"$(want route '"name":"fd00:67::/48","via":"fd00:66::1","link":"road","metric":512')" \
	"$(want route '"name":"10.68.0.0/16","via":"0.0.0.0","link":"road","metric":512')"
slice route_other "$(want route '"name":"10.67.0.0/16","via":"10.66.0.9","link":"road","metric":100')" \
	"$(want route '"name":"fd00:67::/48","via":"fd00:66::9","link":"road","metric":100')"
expect 2 "create route/10.67.0.0/16: via[>10.66.0.1] link[>road] metric[>512]
create route/fd00:67::/48: via[>fd00:66::1] link[>road] metric[>512]
create route/10.68.0.0/16: via[>0.0.0.0] link[>road] metric[>512]
3 steps, 0 kept" "route: planned" plan route
comes route 3 "route: created"
check_has "route: the kernel has it" '10.67.0.0/16 via 10.66.0.1 dev road proto 77 metric 512' ip route
check_has "route: IPv6, too" 'fd00:67::/48 via fd00:66::1 dev road proto 77 metric 512' ip -6 route
ip route del 10.67.0.0/16
expect 2 "create route/10.67.0.0/16: via[>10.66.0.1] link[>road] metric[>512]
1 steps, 2 kept" "route: one that went is seen" plan route
comes route 3 "route: and made again"
ip route add 10.67.0.0/16 via 10.66.0.8 metric 600 proto 77
expect 2 "change route/10.67.0.0/16: metric[>512]
1 steps, 2 kept" "route: a second one is seen" plan route
comes route 3 "route: and goes"
ip route add 10.69.0.0/16 via 10.66.0.1
ip route replace 10.68.0.0/16 via 10.66.0.1 metric 512 proto 77
expect 2 "change route/10.68.0.0/16: via[10.66.0.1>0.0.0.0]
1 steps, 2 kept" "route: a router where none is wanted is seen" plan route
comes route 3 "route: and goes away"
comes route_other 2 "route: changed, one removed"
check_has "route: by the other router" '10.67.0.0/16 via 10.66.0.9 dev road proto 77 metric 100' ip route
check_has "route: one that others made is left alone" '10.69.0.0/16' ip route
slice route_lost "$(want route '"name":"10.67.0.0/16","via":"10.65.0.1","link":"road","metric":512')"
expect 1 "change route/10.67.0.0/16: via[10.66.0.9>10.65.0.1] metric[100>512]
failed route/10.67.0.0/16: route to 10.67.0.0/16: Network is unreachable
remove route/fd00:67::/48: via[fd00:66::9>] link[road>] metric[100>]
2 steps, 0 kept" "route: a router that cannot be reached" apply route_lost
interrupted "route create" nothing route
interrupted "route change" route route_other
interrupted "route remove" route nothing
comes nothing 0 "route: removed"
pattern='proto 77'
check_not "route: none of ours is left" has ip route
ip link del road
}

cases_firewall() {
slice wall "$(want firewall '"name":"site","rules":["allow * storage icmp *","allow guests boot0 * *","allow guests storage tcp 22,80-90","established","forward boot0 tcp 8080 10.77.30.5 80","forward boot0 udp 53 fd00:30::5 53"]')"
slice wall_shut "$(want firewall '"name":"site","rules":["established"]')"
slice wall_named "$(want firewall '"name":"other","rules":["established"]')"
comes wall 1 "firewall: created"
check_has "firewall: default deny" 'hook forward priority filter; policy drop;' nft list table inet moyai
check_has "firewall: a rule" 'iifname "guests" oifname "storage" tcp dport { 22, 80-90 } accept' nft list table inet moyai
check_has "firewall: a port forward" 'iifname "boot0" meta nfproto ipv4 tcp dport 8080 dnat ip to 10.77.30.5:80' nft list table inet moyai
nft insert rule inet moyai forward accept
check_plan "firewall: a rule of others is seen" "rules\[.*changed by others" wall
comes wall 1 "firewall: and goes"
nft flush chain inet moyai prerouting
check_plan "firewall: half a port forward is seen" "rules\[.*changed forward boot0 tcp 8080" wall
comes wall 1 "firewall: and is whole again"
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
interrupted "firewall create" nothing wall
interrupted "firewall change" wall wall_shut
interrupted "firewall remove" wall nothing
}

cases_resolver() {
road
lines='"interface=road","except-interface=lo","bind-dynamic","no-resolv","no-hosts","pid-file=","domain=demo.example","local=/demo.example/","host-record=vm1.demo.example,vm1,10.66.0.13,fd00:66::13","dhcp-host=52:54:00:66:00:13,10.66.0.13,vm1"'
lines="$lines"',"dhcp-range=10.66.0.0,static,255.255.255.0,12h","dhcp-leasefile=/run/moyai/resolver/road.leases","dhcp-option=option:router,10.66.0.1"'
slice resolver "$(want resolver '"name":"road","lines":['"$lines"'],"state":"running"')"
slice resolver_other "$(want resolver '"name":"road","lines":['"$lines"',"host-record=more.demo.example,10.66.0.99"],"state":"running"')"
slice resolver_bad "$(want resolver '"name":"road","lines":["no-such-option"],"state":"running"')"
ip -n client addr add 10.66.0.2/24 dev road-end
comes resolver 1 "resolver: created"
check_has "resolver: a name" '10.66.0.13' ip netns exec client busybox nslookup vm1.demo.example 10.66.0.1
check_has "resolver: its IPv6 address" 'fd00:66::13' ip netns exec client busybox nslookup vm1.demo.example 10.66.0.1
# shellcheck disable=SC2016 # another shell's
printf '#!/bin/sh\n[ "$1" != bound ] || echo "got $ip router $router"\n' >"$dir/lease"
chmod 755 "$dir/lease"
check_has "resolver: the reserved address and the router by DHCP" 'got 10.66.0.13 router 10.66.0.1' \
	ip netns exec client busybox udhcpc -f -n -q -t 5 -i road-end -s "$dir/lease"
ip netns exec client ip link set road-end address 52:54:00:66:00:99
check_not "resolver: a stranger gets none" \
	ip netns exec client busybox udhcpc -f -n -q -t 2 -T 1 -i road-end -s "$dir/lease"
echo '# nobody asked' >>/run/moyai/resolver/road.conf
check_plan "resolver: a changed file is seen" 'state\[stale>running\]' resolver
comes resolver 1 "resolver: and undone"
systemctl stop moyai-resolver-road.service
check_plan "resolver: one that was stopped is seen" 'state\[stopped>running\]' resolver
comes resolver 1 "resolver: and started"
comes resolver_other 1 "resolver: another name"
check_has "resolver: it is known" '10.66.0.99' ip netns exec client busybox nslookup more.demo.example 10.66.0.1
"$drive" "$dir/resolver_bad.json" apply >"$dir/bad" 2>&1
check_has "resolver: a wrong line is refused with dnsmasq's words" 'failed resolver/road: .*bad option at line 2' cat "$dir/bad"
check_has "resolver: the one before runs on" '10.66.0.13' ip netns exec client busybox nslookup vm1.demo.example 10.66.0.1
comes nothing 0 "resolver: removed"
check_not "resolver: it answers no more" ip netns exec client busybox nslookup vm1.demo.example 10.66.0.1
interrupted "resolver create" nothing resolver
interrupted "resolver change" resolver resolver_other
interrupted "resolver remove" resolver nothing
road_away
}

cases_clock() {
road
ip -n client addr add 10.66.0.2/24 dev road-end
slice clock "$(want clock '"name":"site","lines":["makestep 1 3","rtcsync","driftfile /var/lib/chrony/chrony.drift","cmdport 0","local stratum 10","allow 10.66.0.0/24"],"state":"running"')"
slice clock_client "$(want clock '"name":"site","lines":["server 10.66.0.2 iburst","makestep 1 3","cmdport 0","port 0"],"state":"running"')"
comes clock 1 "clock: created"
check_has "clock: gives the time to its network" 'System clock wrong by' \
	ip netns exec client chronyd -Q -t 20 'server 10.66.0.1 iburst' 'pidfile /run/client.pid'
systemctl kill --signal=KILL moyai-clock-site.service
comes clock 1 "clock: comes back after a kill"
comes clock_client 1 "clock: a client"
check_not "clock: which serves nobody" \
	ip netns exec client chronyd -Q -t 3 'server 10.66.0.1 iburst' 'pidfile /run/client.pid'
comes nothing 0 "clock: removed"
check_not "clock: chrony has ended" pidof chronyd
interrupted "clock create" nothing clock
interrupted "clock change" clock clock_client
interrupted "clock remove" clock nothing
road_away
}

# Two networks over one wire, each with two guests here and one port at the other end of the wire.
# Frames of every kind begin at one guest; every one of them is counted wherever it comes out.
cases_isolation() {
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
}

[ $# -gt 0 ] || set -- sysctl service vlan bridge masquerade bond route firewall resolver clock isolation
for kind; do
	echo "# $kind"
	"cases_$kind"
done

echo "# the connection"
kill $monitor
check_not "boot0 never lost its address" grep -E 'Deleted .*boot0' "$dir/monitor"
check_has "boot0 has its address" "inet $boot_address " ip -o -4 addr show boot0
"$drive" "$dir/nothing.json" facts
rm -rf "$dir"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
