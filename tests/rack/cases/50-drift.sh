# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2154
# What somebody changed by hand is found and put right; data stays.

on vm1 "dd if=/dev/urandom of=/dev/moyai/store1/vm1-data bs=1M count=8 conv=fsync status=none"
sum() {
	on vm1 "dd if=/dev/moyai/store1/vm1-data bs=1M count=8 iflag=direct status=none | sha256sum"
}
before=$(sum)
# The digest of nothing would be equal to itself for ever.
if [ "${#before}" -lt 64 ] || [ "${before:0:8}" = e3b0c442 ]; then
	not_ok "data: is written to vm1's disk" "$before"
else
	ok "data: is written to vm1's disk"
fi

on manager "ip link del storage"
on gw "nft flush ruleset; echo 0 >/proc/sys/net/ipv4/ip_forward"
on mem1 "echo 0 >/sys/kernel/config/target/iscsi/iqn.2026-11.moyai.demo:mem1.spare/tpgt_1/enable"
on vm1 "systemctl stop libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket libvirtd.service 2>/dev/null"
expect_exit "drift: plan exits 2" 2 moyai plan
expect_text "drift: a VLAN removed by hand" 'vlan.*storage' "$output"
expect_text "drift: masquerade flushed by hand" 'masquerade.*guests' "$output"
expect_text "drift: a sysctl changed by hand" 'ip_forward' "$output"
expect_text "drift: a target switched off by hand" 'target.*spare' "$output"
expect_text "drift: a service stopped by hand" 'libvirtd' "$output"
expect_exit "drift: apply repairs it" 0 moyai apply --yes
expect "drift: the VLAN is back" on manager "ip -4 addr show storage | grep -q 10.77.20.11"
expect_exit "drift: nothing is left to do" 0 moyai plan
expect_same "data: survives an apply" "$before" "$(sum)"

# ---- a node without space ----
on manager "ip link del storage"
expect_same "out of space: gw has none left" 0 "$(on gw "ip link del storage; rm /etc/systemd/network/*storage*
	head -c 1G /dev/zero >/filler 2>/dev/null; df --output=avail / | tail -n 1 | xargs")"
expect_exit "out of space: apply fails" 1 moyai apply --yes
expect_text "out of space: the summary names gw, with the reason" '^failed: gw vlan/storage: .*/etc/systemd/network/.*: No space left on device' "$(tail -n 2 <<<"$output")"
expect_text "out of space: it is the only one that failed" '^applied: 1 step on 5 nodes in [0-9]+ s, 1 failed$' "$(tail -n 2 <<<"$output")"
expect "out of space: the others went on" on manager "ip -4 addr show storage | grep -q 10.77.20.11"
expect "out of space: nothing half-written is left" on gw "rm /filler && ! find /etc/systemd/network -size 0 | grep ."
expect_exit "out of space: with space, apply goes on where it was" 0 moyai apply --yes
expect_exit "out of space: nothing is left to do" 0 moyai plan
