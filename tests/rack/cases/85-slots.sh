# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2154
# A new image of the manager: one that cannot start falls back, one that can becomes the slot.
# Starts of the manager are what it costs, so it is for `make test-long`.
[ "${RACK_TEST:-}" = long ] || return 0
slot() { on manager "/usr/lib/moyai/slot get" | grep -E '^(slot|trial|tries)=' | sort | paste -sd' '; }
runs() { [ "$(on manager "sed -n 's/.*moyai.slot=\([ab]\).*/\1/p' /proc/cmdline")" = "$1" ]; }

manifest=$MOYAI_IMAGES/cluster-manager/manifest.json
gojq '.version = "0123456789ab"' "$manifest" >"$test_dir/manifest" && cp "$test_dir/manifest" "$manifest"
MOYAI_TIMEOUT=400 expect_exit "new image: bootstrap brings it to the manager" 0 moyai bootstrap --yes
expect_same "new image: is on trial" "slot=a trial=b tries=2" "$(slot)"
expect_exit "new image: nothing is left to do" 0 moyai plan --limit manager
expect "damage: one byte of a layer in the slot on trial" on manager \
	"mkdir -p /run/b && mount /dev/disk/by-partlabel/moyai-slot-b /run/b && printf '\\377' | dd of=/run/b/2.squashfs bs=1 seek=300000 conv=notrunc status=none && umount /run/b"
rack power cycle manager
sleep 20
expect "damage: after two tries the old slot runs again" within 400 runs a
expect_text "damage: the initramfs said why" 'slot b: 2.squashfs: its sha256 is .*, the image.s is .*: not started' "$(tr -d '\r' <"$dir/manager.log")"
expect_same "damage: the trial is used up" "slot=a trial=b tries=0" "$(slot)"
expect "damage: moyaid serves" within 60 on manager "systemctl is-active --quiet moyaid"
expect_exit "damage: plan shows that the image is not the wanted one" 2 moyai plan --limit manager
expect_text "damage: …" 'system.*main' "$output"
MOYAI_TIMEOUT=400 expect_exit "damage: it is brought again" 0 moyai bootstrap --yes
rack power cycle manager
sleep 20
expect "new image: runs" within 200 runs b
confirmed() { [ "$(slot)" = "slot=b trial= tries=0" ]; }
expect "new image: has passed its trial" within 120 confirmed

# A kernel that cannot be read: GRUB itself takes the other slot.
expect "damage: the kernel of the slot is gone" on manager \
	"mount /dev/disk/by-partlabel/moyai-slot-a /mnt && test -e /mnt/boot.cfg && umount /mnt && /usr/lib/moyai/slot set slot=a && mount /dev/disk/by-partlabel/moyai-slot-a /mnt && rm /mnt/vmlinuz && umount /mnt"
rack power cycle manager
sleep 20
expect "damage: GRUB starts the other one" within 200 runs b
kept() { [ "$(slot)" = "slot=b trial= tries=0" ]; }
expect "damage: … and it is the slot again" within 120 kept

# ---- generations of another node's image ----
image_of_gw() { on manager "sed -n 's/^ *\"image\": \"\(.*\)\".*/\1/p' /var/lib/moyai/state/boot/gw.json"; }
boots_gw() { # NAME VERSION
	rack power cycle gw
	starts() { [ "$(image_of_gw)" = "$2" ]; }
	expect "$1" within 300 starts "$1" "$2"
}
mkdir -p "$MOYAI_IMAGES/generations/gateway"
manifest=$MOYAI_IMAGES/gateway/manifest.json
old=$(gojq -r .version "$manifest")
expect "image use: the version that gw has is a generation" test -f "$MOYAI_IMAGES/generations/gateway/$old/manifest.json"
gojq '.version = "abcdef012345"' "$manifest" >"$test_dir/manifest" && cp "$test_dir/manifest" "$manifest"
expect_exit "image use: the manager lacks it, and it asks before it is brought there" 1 moyai image use "$old" gw
MOYAI_TIMEOUT=400 expect_exit "image use: gw stays on the version it has, and the manager gets both" 0 moyai image use "$old" gw --yes
expect_text "image list: shows it" "kept, for gw" "$(moyai image list gateway)"
expect_exit "image use: nothing is left to do" 0 moyai plan
expect "image use: the manager has both" on manager "cd /var/lib/moyai/images && grep -q abcdef012345 gateway/manifest.json && test -f generations/gateway/$old/role.squashfs"
boots_gw "image use: gw boots the older one" "$old"
expect_exit "image use: now the newest" 0 moyai image use latest gw
boots_gw "image use: gw boots the newest" abcdef012345
expect_exit "image use: one command goes back" 0 moyai image use "$old" gw
boots_gw "image use: gw boots the older one again" "$old"
expect "image use: gw is as wanted" within 300 moyai plan

# The disk is lost; what was backed up is put onto an empty one.
expect_exit "backup" 0 moyai backup "$test_dir/saved"
rack power off manager
rm "$dir/manager.manager-system.raw"
mv "$site_dir" "$test_dir/lost-site"
mv "$state" "$test_dir/lost-state"
mkdir -m 700 "$state"
MOYAI_STATE=$state MOYAI_IMAGES=$MOYAI_IMAGES expect_exit "restore: site and state" 0 "$build/moyai" -C "$site_dir" restore "$test_dir/saved"
cp "$test_dir/lost-site/rack.tab" "$site_dir/rack.tab"
echo rack.tab >"$site_dir/.git/info/exclude"
MOYAI_TIMEOUT=900 moyai bootstrap --yes >"$test_dir/bootstrap" 2>&1 &
bootstrap=$!
expect "restore: bootstrap on the empty disk" within 30 grep -q '^manager *is switched on, by its BMC' "$test_dir/bootstrap"
wait "$bootstrap"
expect_same "restore: bootstrap succeeds" 0 $?
recovered() { moyai plan; }
expect_same "restore: the password of a BMC is there" "$bmc_password" "$(cat "$state/bmc/gw")"
expect "restore: everything is as wanted, with the old keys" within 200 recovered
rm -rf "$test_dir/lost-site" "$test_dir/lost-state"
