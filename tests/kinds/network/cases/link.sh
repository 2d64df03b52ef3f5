# shellcheck shell=sh disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-3.0-or-later
# A gateway with two frontends behind its ports, people outside, and a network of the site: who can
# speak to whom. What the slice wants is what clusters with forwards add to it, beside a firewall that
# allows everything.
mkdir -p "$dir/www/cgi-bin"
printf '%s\n' '#!/bin/sh' 'printf "Content-Type: text/plain\r\n\r\n%s sees %s\n" "$WHO" "$REMOTE_ADDR"' \
	>"$dir/www/cgi-bin/who"
chmod +x "$dir/www/cgi-bin/who"
# at NAME ADDRESS ROUTER: a machine at the other end of the link NAME
at() {
	ip netns add "$1"
	ip link add "$1" type veth peer name "$1-end" netns "$1"
	ip link set "$1" up
	ip -n "$1" link set lo up
	ip -n "$1" link set "$1-end" up
	ip -n "$1" addr add "$2" dev "$1-end"
	ip -n "$1" route add default via "$3"
	for port in 80 2201; do
		WHO=$1 ip netns exec "$1" busybox httpd -p "0.0.0.0:$port" -h "$dir/www"
	done
}
at campus 192.0.2.50/24 192.0.2.12
at storage 10.79.20.16/24 10.79.20.12
at one 100.64.2.90/30 100.64.2.89
at two 100.64.2.94/30 100.64.2.93
ip addr add 192.0.2.12/24 dev campus
ip addr add 10.79.20.12/24 dev storage
busybox httpd -f -p 0.0.0.0:80 -h "$dir/www" &
gateway=$!
forwards=$(cat /proc/sys/net/ipv4/ip_forward)
echo 1 >/proc/sys/net/ipv4/ip_forward
bridge() { want bridge '"name":"br-link'"$1"'","addresses":["'"$2"'"],"mtu":1500,'"$live"; }
slice link "$(bridge 150 100.64.2.89/30)" "$(bridge 151 100.64.2.93/30)" \
	"$(want masquerade '"name":"link150-campus","from":"100.64.2.88/30","out":"campus"')" \
	"$(want firewall '"name":"site","rules":["allow * * * *","established","exit br-link150 campus","forward campus tcp 2201 100.64.2.90 80 192.0.2.12","forward campus tcp 2202 100.64.2.94 80 192.0.2.12","guard br-link150","guard br-link151"]')"
comes link 4 "link: made"
ip link set one master br-link150
ip link set two master br-link151

ask() { ip netns exec "$1" timeout 4 busybox wget -q -O - "http://$2/cgi-bin/who"; } # NAME ADDRESS:PORT
check_has "link: a port leads in, and shows who asks" '^one sees .*192\.0\.2\.50$' ask campus 192.0.2.12:2201
check_has "link: another one to the other frontend" '^two sees .*192\.0\.2\.50$' ask campus 192.0.2.12:2202
check_has "link: what only passes the gateway goes where it is sent" '^storage sees .*192\.0\.2\.50$' ask campus 10.79.20.16:2201
check_has "link: the way out, as the gateway" '^campus sees .*192\.0\.2\.12$' ask one 192.0.2.50:80
check_has "link: the gateway comes to the frontend" '^one sees .*100\.64\.2\.89$' timeout 4 busybox wget -q -O - http://100.64.2.90:80/cgi-bin/who
check_has "link: others have what is allowed" '^campus sees .*10\.79\.20\.16$' ask storage 192.0.2.50:80
check_not "link: no way out without a port of that network" ask two 192.0.2.50:80
check_not "link: no other network of the site" ask one 10.79.20.16:80
check_not "link: no other frontend" ask one 100.64.2.94:80
for address in 100.64.2.89 192.0.2.12 10.79.20.12; do
	check_has "link: the gateway listens at $address" 'sees' timeout 4 busybox wget -q -O - "http://$address:80/cgi-bin/who"
	check_not "link: … and not for a frontend" ask one "$address:80"
done
comes nothing 0 "link: removed"
check_not "link: no port leads in any more" ask campus 192.0.2.12:2201
check_not "link: no bridge is left" ip link show br-link150
check_not "link: no rule is left" sh -c "nft list ruleset | grep ."
# Between two networks: nothing without a rule, one port by its rule, another one by being handed on.
for port in 80 2201; do
	check_has "link: without a firewall port $port is reached" '^storage sees .*192\.0\.2\.50$' ask campus 10.79.20.16:$port
done
slice one_port "$(want firewall '"name":"site","rules":["allow campus storage tcp 80","established","forward campus tcp 8080 10.79.20.16 2201"]')"
slice other_port "$(want firewall '"name":"site","rules":["allow campus storage tcp 2201","established"]')"
comes one_port 1 "link: a firewall that allows one port"
check_has "link: it is reached" '^storage sees .*192\.0\.2\.50$' ask campus 10.79.20.16:80
check_not "link: another one is not" ask campus 10.79.20.16:2201
check_has "link: but where it is handed on" '^storage sees .*192\.0\.2\.50$' ask campus 192.0.2.12:8080
check_not "link: nothing begins the other way" ask storage 192.0.2.50:80
comes other_port 1 "link: the other port instead"
check_has "link: that is reached" '^storage sees .*192\.0\.2\.50$' ask campus 10.79.20.16:2201
check_not "link: the first is not" ask campus 10.79.20.16:80
check_not "link: nothing is handed on any more" ask campus 192.0.2.12:8080
comes nothing 0 "link: the firewall removed"
kill $gateway
echo "$forwards" >/proc/sys/net/ipv4/ip_forward
for name in campus storage one two; do
	for pid in $(ip netns pids "$name"); do
		kill "$pid"
	done
	ip netns del "$name"
	ip link del "$name" 2>/dev/null
done
