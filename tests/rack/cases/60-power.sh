# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2154
# Nodes that are down or were; strangers; a second machine with a known MAC; a damaged image; BMCs.
# RACK_TEST=long: the damaged image is refused six times instead of three.

rack power off gw
rack power on stranger
begin=$SECONDS
MOYAI_TIMEOUT=120 expect_exit "node down: apply exits 1" 1 moyai apply --yes
expect_text "node down: the summary names it" 'gw' "$(tail -n 5 <<<"$output")"
expect "node down: does not hold the others up for long" test $((SECONDS - begin)) -lt 60
expect_exit "node down: status tells, and shows the others" 1 moyai status
expect_text "node down: gw in status" '^gw.*(no answer|unreachable|down|timed out|No route)' "$output"

expect "stranger: an entry is made" within 60 test -f "$state/boot/unknown-52:54:00:4d:00:99.json"
expect_text "stranger: status shows it" '52:54:00:4d:00:99' "$(moyai status 2>&1)"
rack power off stranger

# What follows begins at once: a gateway with one changed byte in its layer, and the twin, another
# machine with the MAC of mem1, while mem1 lives.
layer=$MOYAI_IMAGES/gateway/role.squashfs
cp "$layer" "$test_dir/layer"
rm "$layer"
cp "$test_dir/layer" "$layer"
printf '\377' | dd of="$layer" bs=1 seek=300000 conv=notrunc status=none
marks=$(($(wc -c <"$dir/gw.log") + 1))
rack power on gw
pin=$(grep '^10.77.0.15,mem1 ' "$state/known_hosts")
expect_text "twin: mem1 has a pin" '^10.77.0.15,mem1 ssh-ed25519 ' "$pin"
rack power on twin
twin_refused() {
	[ "$(gojq -r .refused "$state/boot/mem1.json")" = \
		"another machine has this MAC: mem1 is alive and answers at 10.77.0.15 with its pinned key" ]
}
expect "twin: is refused as a second machine" within 60 twin_refused
rack power off twin
expect_same "twin: mem1 keeps its pin" "$pin" "$(grep '^10.77.0.15,mem1 ' "$state/known_hosts")"
expect "twin: mem1 lives on" within 30 on mem1 true

# It starts again by itself after a pause, or by power; why is kept until a boot comes to its end.
refusals() { tail -c "+$marks" "$dir/gw.log" | grep -ac 'sha256 .*: not started'; }
refused() { [ "$(refusals)" -ge "$1" ]; }
expect "damaged image: the boot fails" within 120 gojq -e '.error // empty | test("sha256.*not started")' "$state/boot/gw.json"
expect_text "damaged image: status shows it" '^gw .*sha256' "$(moyai status 2>&1)"
expect_text "damaged image: why says it" '^cause +the image was not what its manifest says: .*sha256' "$(moyai why gw 2>&1)"

rack power cycle store1 gw

# ---- BMCs: what moyai says is compared with QEMU's own monitor; a new machine becomes a node ----
expect_exit "bmc: status" 0 moyai power status @all
expect_same "bmc: status: all are on, folded" "gw,manager,mem1,store1,vm1: on" "$output"
printf 'not-it\n' | rack moyai bmc password mem1
expect_exit "bmc: wrong password" 1 moyai power status mem1
expect_same "bmc: wrong password: the message" \
	'mem1: the BMC at 10.77.0.115 has another password for user "moyai"; set it with moyai bmc password mem1' \
	"$output"
printf '%s\n' "$bmc_password" | rack moyai bmc password mem1

expect_exit "bmc: off" 0 moyai power off mem1 --yes
expect "bmc: off: QEMU has ended" test ! -S "$dir/mem1.monitor"
expect_exit "bmc: status of one that is off" 0 moyai power status mem1
expect_same "bmc: status of one that is off: off" "mem1: off" "$output"

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

expect_exit "bmc: on" 0 moyai power on mem1
expect "bmc: on: QEMU runs" grep -q '"running"' <(machine_monitor mem1 query-status)
rack power on stranger
# What the initramfs writes on the serial line comes over IPMI; QEMU keeps a log of its own.
leases=$(grep -c 'lease of' "$dir/mem1.log")
new_lease() {
	[ "$(grep -c 'lease of' "$dir/mem1.log")" -gt "$leases" ]
}
(
	within 120 new_lease
	sleep 3
	printf '\r~.'
) | timeout 150 script -qefc "tests/rack/rack moyai console mem1" /dev/null >"$test_dir/console" 2>&1
expect_text "bmc: console: a session" 'SOL Session operational' "$(cat "$test_dir/console")"
expect_text "bmc: console: text of the boot" 'udhcpc: lease of 10\.77\.0\.15 obtained' \
	"$(sed '1,/SOL Session operational/d' "$test_dir/console")"
expect_exit "bmc: cycle" 0 moyai power cycle stranger,mem1 --yes --limit mem1
expect "bmc: cycle: boots anew" within 60 grep -Eq '"stage": "(dhcp|ipxe|kernel)"' "$state/boot/mem1.json"
expect "bmc: the ordered node and the adopted one boot" rack wait mem1 stranger
# No pin was there before: the order was not needed, and is used up all the same.
expect "bmc: the order was used up" test ! -f "$state/boot/mem1.order"
rack power off stranger
cp "$test_dir/site.before" "$site_dir/site.cfg"

rounds=3
[ "${RACK_TEST:-}" != long ] || rounds=6
expect "damaged image: is refused at each of $rounds boots" within $((rounds * 100)) refused $rounds
cp "$test_dir/layer" "$layer"
echo "damaged image: refused $(refusals) times"
expect "damaged image: once it is whole, gw boots by itself" within 300 rack wait gw
expect "power cycle: store1 has booted again" rack wait store1
expect_exit "power cycle: apply on all" 0 moyai apply --yes
expect "power cycle: vm1's session comes back" within 60 on vm1 "dd if=/dev/moyai/store1/vm1-data bs=1M count=1 iflag=direct status=none of=/dev/null"
expect_same "power cycle: the data survived that of store1" "$before" "$(sum)"
expect_exit "power cycle: nothing is left to do" 0 moyai plan
