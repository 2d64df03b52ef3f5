# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2154
# Three rounds. Each: store1 is off the wire for 60 s while vm1 writes to its disk, and the other nodes
# are applied. Then a pool is full, and a target has a wrong size. RACK_TEST=long: six rounds.
rounds=3
[ "${RACK_TEST:-}" != long ] || rounds=6
# In the disk's second half: the first one has what sum() reads.
first_block=131072

wire() {
	rack_exec ip link set "$(tap_name "$1")" "$2"
}

# Numbered blocks, each written by itself and noted with the time when it is on the disk.
writer_start() {
	on vm1 "rm -f /run/writer.stop; cat >/run/writer <<'WRITER'
n=0
while [ ! -e /run/writer.stop ]; do
	printf '%-4095d\\n' \$n | dd of=/dev/moyai/store1/vm1-data bs=4096 seek=\$(($first_block + n)) \
		iflag=fullblock oflag=direct conv=notrunc status=none 2>>/run/writer.failed || echo \"block \$n\" >>/run/writer.failed
	n=\$((n + 1))
	read -r up _ </proc/uptime
	echo \"\$n \$up\"
done
WRITER
	: >/run/writer.failed; systemd-run --quiet --unit=writer -p StandardOutput=truncate:/run/writer.log bash /run/writer"
}
written() {
	on vm1 "tail -n 1 /run/writer.log | cut -d ' ' -f 1"
}
has_written() {
	[ "$(written)" -gt "$1" ] 2>/dev/null
}
writer_stop() {
	on vm1 "touch /run/writer.stop; while systemctl is-active --quiet writer; do sleep 0.2; done"
}
# "BLOCKS LONGEST-GAP-IN-SECONDS"
writer_gap() {
	on vm1 "awk 'NR > 1 && \$2 - last > gap { gap = \$2 - last } { last = \$2 } END { printf \"%d %d\\n\", NR, gap }' /run/writer.log"
}
blocks_wanted() {
	local n
	for ((n = 0; n < $1; n++)); do printf '%-4095d\n' $n; done | sha256sum
}
blocks_had() {
	on vm1 "dd if=/dev/moyai/store1/vm1-data bs=4096 skip=$first_block count=$1 iflag=direct status=none | sha256sum"
}

expect_exit "faults: all is as wanted before" 0 moyai apply --yes
for ((round = 1; round <= rounds; round++)); do
	of="round $round of $rounds"
	writer_start
	expect "faults: vm1 writes, $of" within 60 has_written 20
	on manager "ip link del storage"
	on mem1 "echo 0 >/sys/kernel/config/target/iscsi/iqn.2026-11.moyai.demo:mem1.spare/tpgt_1/enable"
	on gw "nft flush ruleset"
	wire store1 down
	begin=$SECONDS
	expect_exit "faults: apply fails, $of" 1 moyai apply --yes
	expect_text "faults: store1 is named, and no other, $of" '; failed node: store1$' "$(tail -n 1 <<<"$output")"
	stalled=$(written)
	while [ $((SECONDS - begin)) -lt 60 ]; do sleep 1; done
	wire store1 up
	expect "faults: vm1 goes on writing, $of" within 120 has_written "$((stalled + 20))"
	writer_stop
	read -r blocks gap < <(writer_gap)
	echo "faults: $blocks blocks, the longest one took $gap s, $of" >&2
	expect "faults: the outage was felt, $of" test "$gap" -ge 40
	expect_same "faults: no write failed, $of" "" "$(on vm1 "cat /run/writer.failed")"
	expect_same "faults: each block is there, $of" "$(blocks_wanted "$blocks")" "$(blocks_had "$blocks")"
	expect_exit "faults: apply, $of" 0 moyai apply --yes
	expect_exit "faults: nothing is left to do, $of" 0 moyai plan
	expect_same "faults: the data is as it was, $of" "$before" "$(sum)"
done
echo "faults: $rounds outages of 60 s"

# The same target with half of its image, as by the hands of somebody.
halve_target() {
	on mem1 "set -e
		t=/sys/kernel/config/target/iscsi/iqn.2026-11.moyai.demo:mem1.spare/tpgt_1
		acl=\$(echo \$t/acls/*) store=\$(readlink -f \$t/lun/lun_0/moyai.mem1.spare)
		echo 0 >\$t/enable
		rm \$acl/lun_0/disk; rmdir \$acl/lun_0
		rm \$t/lun/lun_0/moyai.mem1.spare; rmdir \$t/lun/lun_0 \$store
		mkdir \$store; echo fd_dev_name=/run/moyai/memory/spare/image,fd_dev_size=33554432 >\$store/control
		echo 1 >\$store/enable
		mkdir \$t/lun/lun_0; ln -s \$store \$t/lun/lun_0/moyai.mem1.spare
		mkdir \$acl/lun_0; ln -s \$t/lun/lun_0 \$acl/lun_0/disk
		echo 1 >\$t/enable"
}
in_pool() {
	on store1 "$1 --devices /dev/disk/by-partlabel/moyai.main $2"
}
cp "$site_dir/site.cfg" "$test_dir/site.whole"
for ((round = 1; round <= rounds; round++)); do
	of="round $round of $rounds"
	expect "faults: a target of the wrong size, $of" halve_target
	sed 's|{ name = "spare";    pool = "main"; size = "512M"; }|&, { name = "late"; pool = "main"; size = "256M"; }|' \
		"$test_dir/site.whole" >"$site_dir/site.cfg"
	expect_exit "faults: a plan for an empty pool, $of" 2 moyai plan --out "$test_dir/plan"
	expect_text "faults: the size is seen, $of" '^ +size +32M → 64M$' "$output"
	expect "faults: the pool is filled behind it, $of" in_pool lvcreate "-qq -y -Wn -Zn -n filler -l 100%FREE moyai-main"
	expect_exit "faults: full pool: apply fails, $of" 1 moyai apply --yes "$test_dir/plan"
	expect_exit "faults: full pool: apply of what is there now fails, too, $of" 1 moyai apply --yes
	expect_text "faults: full pool: it says why, $of" 'pool main has 0 free; volume late needs 256M$' "$output"
	expect_same "faults: full pool: the others went on, $of" 67108864 \
		"$(on mem1 "sed -n 's/.* Size: \([0-9]*\).*/\1/p' /sys/kernel/config/target/core/*/moyai.mem1.spare/info")"
	expect "faults: the pool has room again, $of" in_pool lvremove "-qq -y moyai-main/filler"
	expect_exit "faults: the volume is made, $of" 0 moyai apply --yes
	expect_same "faults: … in its size, $of" 268435456 "$(in_pool lvs "--noheadings --units b --nosuffix -o lv_size moyai-main/late" | xargs)"
	expect_same "faults: the data is as it was, $of" "$before" "$(sum)"
	expect "faults: the volume is removed by hand, $of" in_pool lvremove "-qq -y moyai-main/late"
	cp "$test_dir/site.whole" "$site_dir/site.cfg"
	expect_exit "faults: nothing is left to do, $of" 0 moyai plan
done
echo "faults: a full pool and a target of the wrong size, $rounds times"
