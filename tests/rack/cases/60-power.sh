# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2154
# Nodes that are down or were; strangers; a second machine with a known MAC; a damaged image.

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
	[ "$(jq -r .refused "$state/boot/mem1.json")" = \
		"another machine has this MAC: mem1 is alive and answers at 10.77.0.15 with its pinned key" ]
}
expect "twin: is refused as a second machine" within 60 twin_refused
rack power off twin
expect_same "twin: mem1 keeps its pin" "$pin" "$(grep '^10.77.0.15,mem1 ' "$state/known_hosts")"
expect "twin: mem1 lives on" within 30 on mem1 true

# It starts again by itself, each time after a pause: why is kept until a boot comes to its end.
refusals() { tail -c "+$marks" "$dir/gw.log" | grep -ac 'sha256 .*: not started'; }
refused() { [ "$(refusals)" -ge "$1" ]; }
expect "damaged image: the boot fails" within 120 jq -e '.error // empty | test("sha256.*not started")' "$state/boot/gw.json"
expect_text "damaged image: status shows it" '^gw .*sha256' "$(moyai status 2>&1)"

rack power cycle store1
expect "power cycle: store1 boots again" rack wait store1
expect "damaged image: is refused at each of three boots" within 300 refused 3
cp "$test_dir/layer" "$layer"
echo "damaged image: refused $(refusals) times"
expect "damaged image: once it is whole, gw boots by itself" within 300 rack wait gw
expect_exit "power cycle: apply on all" 0 moyai apply --yes
expect "power cycle: vm1's session comes back" within 60 on vm1 "dd if=/dev/moyai/store1/vm1-data bs=1M count=1 iflag=direct status=none of=/dev/null"
expect_same "power cycle: the data survived that of store1" "$before" "$(sum)"
expect_exit "power cycle: nothing is left to do" 0 moyai plan
