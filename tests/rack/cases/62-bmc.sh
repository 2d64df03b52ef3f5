# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2154
# BMCs: what moyai says is compared with QEMU's own monitor. A new machine becomes a node.

expect_exit "bmc: status" 0 moyai power status @all
expect_same "bmc: status: all are on, folded" "gw,manager,mem1,store1,vm1: on" "$output"
printf 'not-it\n' | rack moyai bmc password gw
expect_exit "bmc: wrong password" 1 moyai power status gw
expect_same "bmc: wrong password: the message" \
	'gw: the BMC at 10.77.0.112 has another password for user "moyai"; set it with moyai bmc password gw' \
	"$output"
printf '%s\n' "$bmc_password" | rack moyai bmc password gw

expect_exit "bmc: off" 0 moyai power off gw --yes
expect "bmc: off: QEMU has ended" test ! -S "$dir/gw.monitor"
expect_exit "bmc: status of one that is off" 0 moyai power status gw
expect_same "bmc: status of one that is off: off" "gw: off" "$output"

# While it is off: an unknown machine asks, and is adopted.
cp "$site_dir/site.cfg" "$test_dir/site.before"
rm -f "$state/boot/unknown-"*
rack power on stranger
expect "discover: the machine asks" within 60 test -f "$state/boot/unknown-52:54:00:4d:00:99.json"
expect_text "discover: is listed" '^52:54:00:4d:00:99 ' "$(moyai discover 2>&1)"
rack power off stranger
expect_exit "discover: adopted" 0 moyai discover --as stranger --role storage --yes
expect_same "discover: only that was written" '> 		name = "stranger"; role = "storage"; mac = "52:54:00:4d:00:99";' \
	"$(diff "$test_dir/site.before" "$site_dir/site.cfg" | grep 'name = ')"

expect_exit "bmc: on" 0 moyai power on gw
expect "bmc: on: QEMU runs" grep -q '"running"' <(machine_monitor gw query-status)
rack power on stranger
# What the initramfs writes on the serial line comes over IPMI; QEMU keeps a log of its own.
leases=$(grep -c 'lease of' "$dir/gw.log")
new_lease() {
	[ "$(grep -c 'lease of' "$dir/gw.log")" -gt "$leases" ]
}
(
	within 120 new_lease
	sleep 3
	printf '\r~.'
) | timeout 150 script -qefc "tests/rack/rack moyai console gw" /dev/null >"$test_dir/console" 2>&1
expect_text "bmc: console: a session" 'SOL Session operational' "$(cat "$test_dir/console")"
expect_text "bmc: console: text of the boot" 'udhcpc: lease of 10\.77\.0\.12 obtained' \
	"$(sed '1,/SOL Session operational/d' "$test_dir/console")"
expect_exit "bmc: cycle" 0 moyai power cycle stranger,gw --yes --limit gw
expect "bmc: cycle: boots anew" within 60 grep -Eq '"stage": "(dhcp|ipxe|kernel)"' "$state/boot/gw.json"
expect "bmc: the ordered node and the adopted one boot" rack wait gw stranger
# No pin was there before: the order was not needed, and is used up all the same.
expect "bmc: the order was used up" test ! -f "$state/boot/gw.order"
rack power off stranger
cp "$test_dir/site.before" "$site_dir/site.cfg"
expect_exit "bmc: apply" 0 moyai apply --yes --limit gw
