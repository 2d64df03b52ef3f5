# shellcheck shell=sh disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-3.0-or-later
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
interrupted "clock" nothing clock clock_client nothing
road_away
