# shellcheck shell=sh disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-3.0-or-later
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
interrupted "service" service_off service service_off
comes nothing 0 "service: end"
