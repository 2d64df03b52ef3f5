# shellcheck shell=sh disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-3.0-or-later
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
interrupted "sysctl" nothing sysctl_off sysctl nothing
