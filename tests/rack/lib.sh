# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# What the rack's scripts share: where things lie, the namespace, one machine.
#
# A rack is one process, the holder, that has a network and a process namespace of its own.
# Machines and the boot server live inside it: when the holder ends, the kernel ends all of them
# and takes bridge and taps with it. So taking down is one signal to one process, whose start
# time is compared first, because a process id can be used again.

# shellcheck source=tests/emulation.sh
source "$(dirname "${BASH_SOURCE[0]}")/../emulation.sh"
top=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
build=${BUILD:-$top/build}
images=${MOYAI_IMAGES:-$build/images}

die() {
	echo "rack: $*" >&2
	exit 1
}

# Set the folders of one site's rack. NAME is the site folder's name.
rack_select() {
	site=$(realpath -e "$1" 2>/dev/null) || die "$1: there is no such site directory"
	table=$site/rack.tab
	[ -f "$table" ] || die "$table: missing; it says what the machines are made of"
	name=$(basename "$site")
	dir=$build/rack/$name
	# shellcheck disable=SC2034 # used by those who source this
	state=$dir/state
}

# ---- the hardware table ----

# "machine" lines are started by `rack up`; "extra" ones only when asked for.
rack_nodes() {
	awk '$1 == "machine" { print $2 }' "$table"
}
rack_all() {
	awk '$1 == "machine" || $1 == "extra" { print $2 }' "$table"
}

# Fields of one machine, in the table's order: mac memory_mb cpus firmware disks, and QEMU's models
# of its network card and its disks, which need not be there.
rack_hardware() {
	awk -v node="$1" '($1 == "machine" || $1 == "extra") && $2 == node {
			print $3, $4, $5, $6, $7, $8 ? $8 : "virtio-net-pci", $9 ? $9 : "virtio-blk-pci"; found = 1 }
		END { exit !found }' "$table" || die "$1: not a machine of $table"
}

rack_operator() {
	awk '$1 == "operator" { print $2; exit }' "$table"
}

# "NODE ADDRESS" of the machines with a BMC.
rack_bmcs() {
	awk '$1 == "bmc" { print $2, $3 }' "$table"
}

# ---- processes ----

# A process id alone can be reused; with its start time (field 22 of stat) it cannot.
process_start() {
	local stat
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
	stat=${stat##*) }
	read -ra stat <<<"$stat"
	echo "${stat[19]}"
}

# pid of the holder (the first process inside), when it lives.
holder_pid() {
	local pid start
	[ -f "$dir/holder" ] || return 1
	read -r pid start <"$dir/holder"
	[ "$(process_start "$pid")" = "$start" ] || return 1
	echo "$pid"
}

rack_is_up() {
	holder_pid >/dev/null
}

holder_start() {
	local unshare=(unshare --net --pid --fork --kill-child) outer pid="" _
	# With more than one user, because dnsmasq sets its groups.
	[ "$(id -u)" -eq 0 ] || unshare+=(--user --map-root-user --map-auto)
	setsid "${unshare[@]}" sleep infinity </dev/null >/dev/null 2>"$dir/holder.err" &
	outer=$!
	for _ in {1..300}; do
		pid=$(cat "/proc/$outer/task/$outer/children" 2>/dev/null) || break
		[ -z "$pid" ] || break
		sleep 0.1
	done
	pid=${pid// /}
	[ -n "$pid" ] || die "cannot make a network namespace: $(cat "$dir/holder.err")"
	echo "$pid $(process_start "$pid")" >"$dir/holder"
}

# Set $enter: how to get into the rack.
rack_enter() {
	local pid
	pid=$(holder_pid) || die "the rack $name is not up"
	enter=(nsenter --target "$pid" --net)
	[ "$(id -u)" -eq 0 ] || enter+=(--user --preserve-credentials)
}

# Run a command in the rack's network, beside its processes: only what must end with the rack
# enters their namespace too. The second form takes the place of this script, so that signals
# and exit code are the command's own.
rack_exec() {
	local enter
	rack_enter
	"${enter[@]}" -- "$@"
}
rack_become() {
	local enter
	rack_enter
	exec "${enter[@]}" -- "$@"
}

# Start a process that ends with the rack.
rack_spawn() {
	local log=$1 enter
	shift
	rack_enter
	setsid "${enter[@]}" --pid -- "$@" </dev/null >>"$log" 2>&1 &
	spawned=$!
}

# ---- network ----

network_start() {
	local node
	rack_exec ip link set lo up
	# A bridge that does not filter carries tagged frames as they are, like a trunk switch.
	# With an address of its own: else it has the lowest of its ports', and when such a one comes or
	# goes, what a machine still sends to the old one is lost.
	rack_exec ip link add br-rack address 52:54:00:4d:00:01 type bridge stp_state 0 forward_delay 0
	rack_exec ip address add "$(rack_operator)" dev br-rack
	rack_exec ip link set br-rack up
	bmc_addresses_start
	for node in $(rack_all); do
		tap_add "$node"
	done
}

# Interface names have 15 characters at most, node names more: the place in the table it is.
tap_name() {
	echo "tap$(rack_all | grep -nxF "$1" | cut -d : -f 1)"
}

# Machines' BMCs have addresses of their own, on the same wire.
bmc_addresses_start() {
	local node address prefix
	prefix=$(rack_operator)
	while read -r node address; do
		rack_exec ip address add "$address/${prefix#*/}" dev br-rack
	done < <(rack_bmcs)
}

tap_add() {
	local tap
	tap=$(tap_name "$1")
	rack_exec ip tuntap add dev "$tap" mode tap
	rack_exec ip link set "$tap" master br-rack up
}

# ---- one machine ----

# QEMU's options for acceleration. /dev/kvm may be there and not work, so a kernel is booted with
# a deadline: it finds no root, panics, and -no-reboot turns that into an end.
accelerator() {
	local cache=$build/accelerator boot_id kernel
	boot_id=$(cat /proc/sys/kernel/random/boot_id)
	if [ ! -f "$cache" ] || [ "$(head -n 1 "$cache")" != "$boot_id" ]; then
		local answer=tcg
		kernel=$(find "$images" -maxdepth 2 -name vmlinuz | head -n 1)
		if [ -w /dev/kvm ] && [ -n "$kernel" ] && timeout 10 qemu-system-x86_64 -accel kvm \
			-cpu host -m 256 -nodefaults -display none -no-reboot -kernel "$kernel" \
			-append "panic=-1" </dev/null >/dev/null 2>&1; then
			answer=kvm
		fi
		printf '%s\n%s\n' "$boot_id" "$answer" >"$cache"
	fi
	case $(tail -n 1 "$cache") in
	kvm) echo "-accel kvm -cpu host" ;;
	*) echo "-accel tcg,thread=multi -cpu $emulated_cpu" ;;
	esac
}

# A disk is SERIAL:SIZE, or SERIAL:SIZE:boot: the firmware starts from it before the network.
machine_disks() {
	local node=$1 disks=$2 model=$3 disk serial size file first number=0
	[ "$disks" != - ] || return 0
	for disk in ${disks//,/ }; do
		IFS=: read -r serial size first <<<"$disk"
		file=$dir/$node.$serial.raw
		# A test may put a disk with something on it into the machine.
		if [ -n "${RACK_DISKS_FROM:-}" ] && [ -f "$RACK_DISKS_FROM/$serial.raw" ]; then
			mv "$RACK_DISKS_FROM/$serial.raw" "$file"
		elif [ ! -f "$file" ]; then
			truncate -s "$size" "$file"
		fi
		# writeback: what the guest has flushed survives the end of QEMU, as a power cut.
		echo -drive "file=$file,format=raw,if=none,id=disk$number,cache=writeback,discard=unmap"
		echo -device "$model,drive=disk$number,serial=$serial${first:+,bootindex=0}"
		number=$((number + 1))
	done
}

machine_firmware() {
	local node=$1 firmware=$2
	case $firmware in
	bios) ;;
	uefi)
		[ -f "$dir/$node.vars" ] || cp /usr/share/OVMF/OVMF_VARS_4M.fd "$dir/$node.vars"
		echo -drive if=pflash,format=raw,unit=0,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd
		echo -drive "if=pflash,format=raw,unit=1,file=$dir/$node.vars"
		;;
	*) die "$node: firmware $firmware: write bios or uefi" ;;
	esac
}

# machine_is_on NODE: QEMU answers on its monitor.
machine_is_on() {
	[ -S "$dir/$1.monitor" ] && machine_monitor "$1" query-status >/dev/null
}

# One command of QEMU's machine protocol.
machine_monitor() {
	printf '{"execute":"qmp_capabilities"}\n{"execute":"%s"}\n' "$2" |
		socat -t 5 - "UNIX-CONNECT:$dir/$1.monitor" 2>/dev/null
}

# Machines have no processors of their own here, and a firmware that waits for an answer to its DHCP
# spins. So the first machine, which may be who answers, gets more of them than the others: without that
# the others make it boot in 66 s instead of 20. Each session is one group for the scheduler.
machine_weight() {
	if [ "$1" = "$(rack_nodes | head -n 1)" ]; then echo -5; else echo 0; fi
}
# shellcheck disable=SC2016
at_weight='{ echo "$0" >/proc/self/autogroup; } 2>/dev/null; exec "$@"'

# QEMU takes commands, or has ended.
machine_begins() {
	local node=$1 end=$((SECONDS + 30))
	while [ $SECONDS -lt $end ]; do
		! machine_is_on "$node" || return 0
		kill -0 "$spawned" 2>/dev/null || die "$node does not start: $(tail -n 2 "$dir/$node.qemu.log")"
		sleep 0.1
	done
}

machine_on() {
	local node=$1 mac memory cpus firmware disks card disk_model accel
	read -r mac memory cpus firmware disks card disk_model < <(rack_hardware "$node")
	! machine_is_on "$node" || die "$node is on already"
	rm -f "$dir/$node.monitor" "$dir/$node.console"
	# where `moyai why` looks for it
	mkdir -p "$state/console"
	ln -sfn "$dir/$node.log" "$state/console/$node.log"
	read -ra accel < <(accelerator)
	mapfile -t disk_options < <(machine_disks "$node" "$disks" "$disk_model" | tr ' ' '\n')
	mapfile -t firmware_options < <(machine_firmware "$node" "$firmware" | tr ' ' '\n')
	rack_spawn "$dir/$node.qemu.log" sh -c "$at_weight" "$(machine_weight "$node")" qemu-system-x86_64 -name "$node" "${accel[@]}" \
		-machine pc,usb=off -smp "$(processors "$cpus")" -m "$memory" -nodefaults -display none \
		-rtc "base=${RACK_CLOCK:-utc}" -boot reboot-timeout=10000 "${firmware_options[@]}" \
		-netdev "tap,id=net0,ifname=$(tap_name "$node"),script=no,downscript=no" \
		-device "$card,netdev=net0,mac=$mac,bootindex=1" \
		-device virtio-rng-pci "${disk_options[@]}" \
		-chardev "socket,id=con,path=$dir/$node.console,server=on,wait=off,logfile=$dir/$node.log,logappend=on" \
		-serial chardev:con -qmp "unix:$dir/$node.monitor,server=on,wait=off"
	machine_begins "$node"
	if [ "$firmware" = uefi ]; then
		rack_spawn "$dir/$node.qemu.log" bash -c "$firmware_retry" retry "$dir/$node.monitor" "$dir/$node.log"
	fi
	date +%s.%N >"$dir/$node.on"
}

# What SeaBIOS has reboot-timeout for, and the firmware of servers a setting: begin again when
# nothing could be booted. OVMF opens its shell.
# shellcheck disable=SC2016
firmware_retry='
seen=$(stat -c %s "$2" 2>/dev/null || echo 0)
while sleep 2 && [ -S "$1" ]; do
	if tail -c "+$((seen + 1))" "$2" | grep -aq "Shell> "; then
		seen=$(stat -c %s "$2")
		printf "{\"execute\":\"qmp_capabilities\"}\n{\"execute\":\"system_reset\"}\n" |
			socat -t 5 - "UNIX-CONNECT:$1"
	fi
done'

# A power cut: QEMU ends at once and the guest is not told.
machine_off() {
	local node=$1 _
	rack_hardware "$node" >/dev/null
	machine_is_on "$node" || return 0
	machine_monitor "$node" quit >/dev/null
	for _ in {1..300}; do
		if ! machine_is_on "$node"; then
			rm -f "$dir/$node.monitor" "$dir/$node.console" "$dir/$node.on"
			return 0
		fi
		sleep 0.1
	done
	die "$node does not go off"
}

# ---- a machine's BMC: OpenIPMI's ipmi_sim ----

# Of every BMC in the rack. A rack is closed, and this is no secret.
# shellcheck disable=SC2034 # used by those who source this
bmc_password=rack-bmc

# Chassis commands come back to `rack bmc`, which works on this rack's own power. The serial
# console is QEMU's socket, through socat because ipmi_sim knows only TCP; the machine's log is
# written by QEMU itself, whoever looks.
bmc_start() {
	local node=$1 address=$2 place=$dir/bmc/$1
	mkdir -p "$place"
	cat >"$place/lan" <<-END
		name "$node"
		set_working_mc 0x20
		startlan 1
		addr $address 623
		priv_limit admin
		allowed_auths_admin md5
		guid $(printf %s "$node" | md5sum | cut -c 1-32)
		endlan
		chassis_control "$place/chassis"
		sol "tcp:$address:9623" 115200
		user 2 true "moyai" "$bmc_password" operator 10
	END
	cat >"$place/commands" <<-END
		mc_setbmc 0x20
		mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02
		mc_enable 0x20
	END
	cat >"$place/chassis" <<-END
		#!/bin/bash
		RACK_SITE="$site" BUILD="$build" MOYAI_IMAGES="$images" exec "$top/tests/rack/rack" bmc $node "\$@"
	END
	chmod +x "$place/chassis"
	rack_spawn "$place/log" socat -lf /dev/null "TCP-LISTEN:9623,bind=$address,reuseaddr,fork" \
		"UNIX-CONNECT:$dir/$node.console"
	rack_spawn "$place/log" ipmi_sim -n -c "$place/lan" -f "$place/commands" -s "$place"
}

# What ipmi_sim asks for: get power boot … | set power 1 boot pxe reset 1 …
bmc_chassis() {
	local node=$1 what=$2
	shift 2
	echo "$what $*" >>"$dir/bmc/$node/asked"
	while [ $# -gt 0 ]; do
		case $what:$1 in
		get:power)
			if machine_is_on "$node"; then echo "power:1"; else echo "power:0"; fi
			;;
		get:boot) echo "boot:default" ;;
		set:power) if [ "$2" = 1 ]; then machine_is_on "$node" || machine_on "$node"; else machine_off "$node"; fi ;;
		set:reset) machine_monitor "$node" system_reset >/dev/null ;;
		set:boot) ;; # the machines boot from the network anyhow
		*) die "$node: the BMC cannot $what $1" ;;
		esac
		[ "$what" = get ] || shift
		shift
	done
}
