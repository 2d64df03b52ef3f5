# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2154
# Disks, volumes, targets and sessions as the kernel and the stock tools tell them.
iqn=iqn.2026-11.moyai.demo
configfs=/sys/kernel/config/target/iscsi

expect_text "storage: a GPT label with our partition" 'PTTYPE="gpt"' "$(on store1 "blkid -p -o export /dev/vda | sed 's/=\(.*\)/=\"\1\"/'")"
expect_text "storage: the partition carries the mark" '^moyai.main$' "$(on store1 "lsblk -no PARTLABEL /dev/vda1")"
expect_text "storage: physical volume and volume group" '/dev/.* moyai-main' "$(on store1 "pvs --devices /dev/disk/by-partlabel/moyai.main --noheadings -o pv_name,vg_name")"
expect_same "storage: two volumes, tagged as ours" "spare 536870912 moyai vm1-data 1073741824 moyai" \
	"$(on store1 "lvs --devices /dev/disk/by-partlabel/moyai.main --noheadings --units b --nosuffix -o lv_name,lv_size,lv_tags moyai-main" | sort | xargs)"
for pair in store1:vm1-data:vm1 store1:spare:manager mem1:vm1-swap:vm1 mem1:spare:manager; do
	IFS=: read -r node target initiator <<<"$pair"
	path=$configfs/$iqn:$node.$target/tpgt_1
	expect_same "storage: target $node/$target lets in $initiator only" "$iqn:$initiator" "$(on "$node" "ls $path/acls")"
	expect_same "storage: target $node/$target wants CHAP, and answers it" "1 0 24 24" \
		"$(on "$node" "cat $path/attrib/authentication $path/attrib/generate_node_acls
			tr -d '\n' <$path/acls/*/auth/password | wc -c; tr -d '\n' <$path/acls/*/auth/password_mutual | wc -c" | xargs)"
done
sessions=$(on vm1 "iscsiadm -m session")
expect_same "storage: vm1 has its two sessions and no other" "$iqn:mem1.vm1-swap $iqn:store1.vm1-data" \
	"$(grep -oE 'iqn[^ ]*' <<<"$sessions" | sort | xargs)"
expect_same "storage: the disk is there under a stable name" "1073741824" "$(on vm1 "blockdev --getsize64 /dev/moyai/store1/vm1-data")"
expect_same "storage: memory of mem1 is a disk on vm1" "67108864" "$(on vm1 "blockdev --getsize64 /dev/moyai/mem1/vm1-swap")"
expect_same "memory: one image in ramfs, one in tmpfs" "ramfs tmpfs" \
	"$(on mem1 "stat -f -c %T /run/moyai/memory/vm1-swap /run/moyai/memory/spare" | xargs)"
expect_same "vm1: libvirtd is active" active "$(on vm1 "systemctl is-active libvirtd.service")"
expect "vm1: libvirt answers" on vm1 "virsh -c qemu:///system version"

# login NODE TARGET PORTAL USER PASSWORD: by hand, beside what Moyai does; exit code of iscsiadm.
login() {
	local node=$1 target=$2 portal=$3
	on "$node" "modprobe iscsi_tcp; systemctl start iscsid 2>/dev/null; t='-m node -T $iqn:$target -p $portal'
		iscsiadm \$t -o new >/dev/null && iscsiadm \$t -o update -n node.session.auth.authmethod -v CHAP &&
		iscsiadm \$t -o update -n node.session.auth.username -v '$4' &&
		iscsiadm \$t -o update -n node.session.auth.password -v '$5' &&
		iscsiadm \$t -o update -n node.conn[0].timeo.login_timeout -v 5 &&
		iscsiadm \$t -o update -n node.session.initial_login_retry_max -v 1 &&
		iscsiadm \$t --login; code=\$?
		iscsiadm \$t --logout >/dev/null 2>&1; iscsiadm \$t -o delete >/dev/null; exit \$code"
}
secret=$(on store1 "cat $configfs/$iqn:store1.spare/tpgt_1/acls/*/auth/password")
expect_same "storage: a secret has 24 characters" 24 "${#secret}"
expect_exit "storage: the right secret from a wrong initiator is refused" 24 login vm1 store1.spare 10.77.20.14:3260 store1.spare "$secret"
expect_text "storage: … as not authorized" 'authorization failure' "$output"
expect_exit "storage: a wrong secret is refused" 24 login vm1 mem1.spare 10.77.20.15:3260 mem1.spare wrongwrongwrongwrongwron
expect_text "storage: … as not authorized, too" 'authorization failure' "$output"
expect_same "storage: no secret in a plan, a log or a boot report" "" \
	"$(grep -rlF "$secret" "$state" "$dir"/*.log "$log" | grep -v site.key)"
