# shellcheck shell=sh disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-3.0-or-later
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
interrupted "resolver" nothing resolver resolver_other nothing
road_away
