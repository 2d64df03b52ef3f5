# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2154
# Five machines without a system of their own boot from the network, by BIOS and by UEFI.

# The disk of store1 holds somebody's file system at first: see 10-foreign-disk.
truncate -s 4G "$test_dir/store1-data.raw"
mke2fs -q -F -L payroll "$test_dir/store1-data.raw"
export RACK_DISKS_FROM=$test_dir

if ! rack up "$site_dir"; then
	not_ok "boot: the rack comes up" "$(tail -n 30 "$dir/pxe.log")"
	exit 1
fi
ok "boot: the rack comes up"
for node in manager gw vm1 store1 mem1; do
	expect_same "boot: $node has its name" "$node" "$(on "$node" hostname)"
done
expect "boot: vm1 came by UEFI" on vm1 "test -d /sys/firmware/efi"
expect "boot: gw came by BIOS" on gw "test ! -d /sys/firmware/efi"
for node in manager gw vm1 mem1; do
	expect_nothing "boot: $node has no disk" "$node" "find /sys/block -name 'vd*' -o -name 'sd*'"
done
expect_same "boot: no user has a password" "root is locked" \
	"$(on manager "awk -F: '\$2 !~ /^[!*]/ { print \$1; next } \$1 == \"root\" { print \"root is locked\" }' /etc/shadow")"
expect_same "boot: root has the site's key alone" "$(cut -d ' ' -f 2 "$state/id_ed25519.pub")" \
	"$(on gw "cut -d ' ' -f 2 /root/.ssh/authorized_keys")"
expect_same "boot: five pins, each with its reason" 5 "$(grep -c . "$state/pins.log")"
# That was UEFI's; its firmware takes a third of a boot in emulation, and vm1 boots often from here on.
sed -i -E '/^machine vm1 /s/ uefi / bios /' "$site_dir/rack.tab"
