# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2154
# A disk that holds something else is refused with what is on it; plan says so and writes nothing.
# Three times: a file system, a volume group, and what nobody knows.

# foreign ROUND WHAT NODES: apply is for NODES.
foreign() {
	local of="foreign disk, $1 of 3" begins="dd if=/dev/vda bs=1M count=16 iflag=direct status=none | sha256sum" kept
	kept=$(on store1 "$begins")
	expect_exit "$of: plan: there is something to do, and a refusal" 2 moyai plan --limit "$3"
	expect_text "$of: plan names what is on it" "store1.*store1-data.* holds $2.*Moyai does not touch it" "$output"
	[ "$1" != 1 ] || expect_nothing "$of: plan wrote nothing on the nodes" gw "ip -o link show type vlan && nft list tables"
	expect_exit "$of: apply fails" 1 moyai apply --yes --limit "$3"
	expect_text "$of: apply names store1 in the summary" 'store1' "$(tail -n 5 <<<"$output")"
	expect_same "$of: what it begins with is as it was" "$kept" "$(on store1 "$begins")"
	# What the operator does who wants to lose it.
	# wipefs alone leaves the rest of the file system, which is refused as unknown data.
	expect "$of: the operator empties the disk" on store1 \
		"wipefs --all --quiet /dev/vda && blkdiscard --zeroout /dev/vda && udevadm settle"
}
store1_gets() { # WHAT 'COMMAND'
	expect "foreign disk: store1 gets $1" on store1 "$2 && udevadm settle"
}
# This one was there before store1 booted.
foreign 1 '.*(ext4|ext2).*payroll' @all
expect "foreign disk: the other nodes went on" on gw "ip link show storage && nft list table ip moyai"
store1_gets "a volume group of somebody" "pvcreate -qq --devices /dev/vda /dev/vda && vgcreate -qq --devices /dev/vda ledger /dev/vda"
foreign 2 'an LVM physical volume' store1
store1_gets "something unknown" "dd if=/dev/urandom of=/dev/vda bs=1M seek=1000 count=16 oflag=direct status=none"
foreign 3 'data of an unknown kind \(byte 10[0-9]+ is not zero\)' store1
echo "foreign disk: refused 3 times, each with something else on it"
