# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# An appliance that is all in its initramfs: it boots, knows who it is, lets its owner in and nobody
# else, and goes off when its power button is pressed.
cp -r configs/campus "$work/campus"
sed -i '/^rolls\|^parameters/d; s/boot = "ram"; placement/boot = "ram"; appliance = "micro"; placement/' "$work/campus/clusters/genome.cfg"
campus() { MOYAI_SHARE=$work/share MOYAI_IMAGES=$work/images MOYAI_STATE=$work/state "$work/bin/moyai" -C "$work/campus" "$@"; }
if campus image build micro 2>"$work/micro.log"; then
	ok "micro: is built"
else
	not_ok "micro: is built" "$(tail -n 1 "$work/micro.log")"
fi
check "micro: and stays as it is" is "$(campus image list --json micro | gojq -r .state)" "up to date"
micro() { gojq -r "$1" "$work/images/micro/manifest.json"; }
check "micro: the kernel is that of the base, the initramfs its own" \
	is "$(micro '.files | .kernel.path, .initrd.path' | paste -sd ' ')" "base-cloud/vmlinuz micro/initrd.img"
small() { [ "$(micro .files.initrd.size)" -lt 6000000 ] || micro .files.initrd.size; }
check "micro: it is small" small
knows_no_builder_initramfs micro "$work/images/micro/initrd.img"

ssh-keygen -q -t ed25519 -N '' -C ann -f "$work/ann"
ssh-keygen -q -t ed25519 -N '' -C eve -f "$work/eve"
printf '%s\n' hostname=big1 'interface=02:14:32:84:40:9b 10.1.0.8/16 10.1.0.2' "key=$(cat "$work/ann.pub")" | base64 -w 0 >"$work/settings"
port=$((20000 + $$ % 10000))
qemu-system-x86_64 -machine q35 -accel tcg -cpu max -smp "$(processors 1)" -m 128 -nodefaults -display none -no-reboot \
	-kernel "$work/images/base-cloud/vmlinuz" -initrd "$work/images/micro/initrd.img" \
	-append "console=ttyS0 $(micro '.kernel_arguments | join(" ")')" -serial "file:$work/serial" \
	-fw_cfg "name=opt/org.moyai/settings,file=$work/settings" -monitor "unix:$work/monitor,server,nowait" \
	-netdev "user,id=n,net=10.1.0.0/16,host=10.1.0.2,restrict=on,hostfwd=tcp:127.0.0.1:$port-10.1.0.8:22" \
	-device virtio-net-pci,netdev=n,mac=02:14:32:84:40:9b,romfile= </dev/null &
micro_pid=$!
inside() { # KEY COMMAND
	timeout 20 ssh -F none -p "$port" -i "$1" -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=no \
		-o UserKnownHostsFile=/dev/null -o LogLevel=ERROR root@127.0.0.1 "$2" 2>&1 | tr -d '\r'
}
for _ in {1..60}; do
	grep -q 'moyai: big1 is up' "$work/serial" 2>/dev/null && [ "$(inside "$work/ann" 'echo in')" = in ] && break
	sleep 1
done
check "micro: its owner is let in, and it knows who it is" is "$(inside "$work/ann" \
	'hostname; id -un; ip -4 -o address show scope global | cut -d" " -f7; ip route | head -n 1 | cut -d" " -f1-3' | paste -sd ' ')" \
	"big1 root 10.1.0.8/16 default via 10.1.0.2"
check "micro: nobody else is" is "$(inside "$work/eve" true)" "root@127.0.0.1: Permission denied (publickey)."
echo system_powerdown | socat - "unix-connect:$work/monitor" >/dev/null
goes_off() {
	for _ in {1..30}; do
		kill -0 "$micro_pid" 2>/dev/null || return 0
		sleep 1
	done
	echo "it is still on after 30 s"
	tail -n 5 "$work/serial"
	kill "$micro_pid"
}
check "micro: it goes off when its power button is pressed" goes_off
wait "$micro_pid" || true
