# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# The same bytes from the same inputs, elsewhere, later, by another user's habits;
# and after a build that was killed: the base and a role, in the long test all roles.

same_bytes() { # path…
	local path
	for path; do
		cmp "$images/$path" "$work/images/$path"
	done
}
leftovers() {
	grep -F "$work/images" /proc/*/mountinfo 2>/dev/null | grep -v "/mnt/"
	find "$work/images/.work" -maxdepth 1 \( -name 'spec-*' -o -name 'out-*' \)
}

# Another mask, language, zone, name of the machine, home, mirror, and order of files; and in a user
# namespace, as somebody who is not root builds: without loop devices and device nodes.
other_mirror
elsewhere() {
	rm -f "$work/mapped"
	mkfifo "$work/mapped"
	(umask 077 && LC_ALL=C.UTF-8 LANG=de_DE.UTF-8 TZ=Asia/Tokyo HOME=$work USER=nobody APT_CONFIG=$work/other/apt.conf \
		MOYAI_SHARE=$work/share MOYAI_IMAGES=$work/images MOYAI_STATE=$work/state \
		exec unshare --user --uts sh -c 'echo $$ >"$0"; read -r _ <"$0"
			hostname elsewhere.example; exec "$@"' "$work/mapped" \
		"$work/bin/moyai" -C "$work/site" image build "$@") >"$work/elsewhere.log" 2>&1 &
	local builder=$! inside
	read -r inside <"$work/mapped"
	echo "0 0 65536" >"/proc/$inside/uid_map"
	echo "0 0 65536" >"/proc/$inside/gid_map"
	echo mapped >"$work/mapped"
	wait "$builder" 2>/dev/null
}
base=$(gojq -r '.files.layers[0].path | split("/")[0]' "$images/gateway/manifest.json")
roles=(gateway)
[ "${IMAGES_TEST:-}" != long ] || read -ra roles <<<"gateway cluster-manager memory-server storage vm-server"
parts=("$base/base.squashfs" "$base/vmlinuz" "$base/initrd.img")
for role in "${roles[@]}"; do
	parts+=("$role/role.squashfs" "$role/node.squashfs" "$role/manifest.json")
	rm -r "$work/images/$role"
done
rm -r "${work:?}/images/$base"

# Killed while it works, without a chance to clean up.
elsewhere "${roles[@]}" &
waiting=$!
for _ in $(seq 600); do
	moyai_pid=$(pgrep -f "^$work/bin/moyai") && [ -d "$work/images/.work/out-gateway" ] && break
	sleep 0.1
done
kill -KILL "$moyai_pid"
wait "$waiting" 2>/dev/null
sleep 0.5
check "killed: nothing stays mounted" bash -c "set +o pipefail; grep -hF '$work/images' /proc/[0-9]*/mountinfo 2>/dev/null | grep -v /mnt/"
check "killed: no image is half there" find "$work/images" -maxdepth 1 -name gateway

if elsewhere "${roles[@]}"; then
	ok "killed: the next build works"
else
	not_ok "killed: the next build works" "$(tail -n 1 "$work/elsewhere.log")"
fi
for part in "${parts[@]}"; do
	check "reproducible: $part" same_bytes "$part"
done
check "reproducible: nothing is left behind" leftovers
