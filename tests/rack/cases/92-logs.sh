# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2154
# A node's journal is read after its kernel has crashed, to the last line. After 90-manager: it is the
# cluster manager that has it.
[ "${RACK_TEST:-}" = long ] || return 0
logs_of_gw() { moyai logs gw --since 1h "$@"; }
says() { on gw "echo $1 | systemd-cat -t rack"; }
hears() { logs_of_gw --grep "$1" | grep -q " gw rack.*: $1"; }
crashes() { logs_of_gw --json --grep 'Kernel panic - not syncing: sysrq triggered crash' | jq -r .MOYAI_VIA | grep -c netconsole; }
crashed() { [ "$(crashes)" -ge "$1" ]; }
was_there=$(crashes)

all_there() {
	local node
	for node in manager gw vm1 store1 mem1; do
		[ "$(moyai logs "$node" -n 1 | wc -l)" = 1 ] || return 1
	done
}
# The last of the two kinds of lines, in the order they are shown.
last_two() {
	logs_of_gw | sed -n "s/.* gw rack.*: \(before-$1\)$/\1/p; s/.* gw kernel: \(Kernel panic\).*/\1/p" | tail -n 2 | paste -sd,
}
expect "logs: every node's journal is there" within 120 all_there
for round in 1 2 3; do
	says "before-$round"
	expect "crash $round of 3: what gw says is on the manager" within 30 hears "before-$round"
	on gw "(sleep 1; echo c >/proc/sysrq-trigger) >/dev/null 2>&1 &"
	expect "crash $round of 3: the kernel's last line is there" within 60 crashed $((was_there + round))
	expect_same "crash $round of 3: behind what gw said before" "before-$round,Kernel panic" "$(last_two $round)"
	rack power cycle gw
	expect "crash $round of 3: gw is as wanted again" within 400 moyai plan
	says "after-$round"
	expect "crash $round of 3: the next boot's journal follows" within 60 hears "after-$round"
	expect "crash $round of 3: that of the boot before is there" hears "before-$round"
done
expect "logs: of four boots at least" test "$(logs_of_gw --json | jq -r ._BOOT_ID | sort -u | wc -l)" -ge 4
