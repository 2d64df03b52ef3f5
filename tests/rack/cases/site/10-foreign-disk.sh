# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2154
# A disk that holds something else is refused with what is on it; plan says so and writes nothing.

expect_exit "plan: exit 2, there is something to do, and a refusal" 2 moyai plan
expect_text "plan: names what is on the foreign disk" 'store1.*store1-data.*(ext4|ext2).*' "$output"
expect_nothing "plan: wrote nothing on the nodes" gw "ip -o link show type vlan && nft list tables"
expect_exit "apply: exit 1 when a disk is refused" 1 moyai apply --yes
expect_text "apply: names store1 in the summary" 'store1' "$(tail -n 5 <<<"$output")"
expect_text "apply: the file system is still there" 'payroll' "$(on store1 "blkid /dev/vda")"
expect "apply: the other nodes went on" on gw "ip link show storage && nft list table ip moyai"
# What the operator does who wants to lose it.
# wipefs alone leaves the rest of the file system, which is refused as unknown data.
expect "the operator empties the disk" on store1 "wipefs --all --quiet /dev/vda && blkdiscard --zeroout /dev/vda"
