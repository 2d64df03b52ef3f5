# shellcheck shell=sh disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-3.0-or-later
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
interrupted "route" nothing route route_other nothing
comes nothing 0 "route: removed"
pattern='proto 77'
check_not "route: none of ours is left" has ip route
ip link del road
