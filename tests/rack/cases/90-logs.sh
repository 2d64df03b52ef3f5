# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2154
# A node's journal is read after its kernel has crashed, to the last line. After 80-take-over: it is the
# cluster manager that has it. The crash is one that no journal says anything of: its lines come by
# netconsole or not at all. RACK_TEST=long: three crashes.
rounds=1
[ "${RACK_TEST:-}" != long ] || rounds=3
logs_of_gw() { moyai logs gw --since 2h "$@"; }
says() { on gw "echo $1 | systemd-cat -t rack"; }
hears() { logs_of_gw --grep "^$1\$" | grep " gw rack[^ ]*: $1$"; }
# How often the panic's first line came, and its last one.
begun() { logs_of_gw --json --grep '^Kernel panic - not syncing: sysrq triggered crash' | gojq -r .MOYAI_VIA | grep -c '^netconsole$'; }
ended() { logs_of_gw --json --grep '^---\[ end Kernel panic - not syncing: sysrq triggered crash' | gojq -r .MOYAI_VIA | grep -c '^netconsole$'; }
counts() { # begun|ended NUMBER
	local count
	count=$("$1")
	echo "$count, not $2"
	[ "$count" = "$2" ]
}
there() {
	local node
	for node in manager gw vm1 store1 mem1; do
		moyai logs "$node" -n 1 | grep "^[^ ]* $node " || return 1
	done
}
# What is shown, in its order, of the last that gw said before a crash and of the crash.
order() {
	logs_of_gw | sed -n 's/.* gw rack[^ ]*: \(before-[0-9]\)$/\1/p; s/.* gw kernel: \(Kernel panic\) .*/\1/p; s/.* gw kernel: ---\[ \(end Kernel panic\) .*/\1/p' |
		tail -n 3 | paste -sd,
}

# A manager that was restored is found by nodes that try every 10 s.
expect "logs: every node's journal is there" within 120 there
expect "logs: none of a crash" counts begun 0
for ((round = 1; round <= rounds; round++)); do
	expect "crash $round of $rounds: gw says something" says "before-$round"
	expect "crash $round of $rounds: … which is on the manager" within 30 hears "before-$round"
	# After the connection, which would hang, has ended.
	expect "crash $round of $rounds: gw crashes" on gw "(sleep 1; echo c >/proc/sysrq-trigger) </dev/null >/dev/null 2>&1 &"
	within 60 counts begun "$round"
	expect "crash $round of $rounds: the kernel's panic is there" counts begun "$round"
	within 10 counts ended "$round"
	expect "crash $round of $rounds: to its last line" counts ended "$round"
	expect_same "crash $round of $rounds: behind what gw said before" "before-$round,Kernel panic,end Kernel panic" "$(order)"
	rack power cycle gw
	# A start takes 60 to 90 s of emulation, and the apply another 30.
	expect "crash $round of $rounds: gw is as wanted again" within 400 moyai plan
	expect "crash $round of $rounds: gw says something in its next boot" says "after-$round"
	expect "crash $round of $rounds: … which follows" within 60 hears "after-$round"
	expect "crash $round of $rounds: what it said in the boot before is there" hears "before-$round"
done
expect_same "logs: nothing of a crash is another node's" "" \
	"$(moyai logs manager,vm1,store1,mem1 --since 2h --grep 'sysrq triggered crash' 2>/dev/null)"
boots=$(logs_of_gw --json --grep '^(before|after)-[1-3]$' | gojq -r ._BOOT_ID | sort -u | wc -l)
expect_same "logs: of each boot" $((rounds + 1)) "$boots"
