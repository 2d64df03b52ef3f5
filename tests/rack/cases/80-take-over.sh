# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2154
# The cluster manager takes over from the operator's machine; after that a power cut of everything, and
# of the manager while it rolls out, is survived without a person. RACK_TEST=long: more of them, by
# UEFI, too, with a bootstrap that is cut off, what an operator sets, and a manager that is away for a while.
long() { [ "${RACK_TEST:-}" = long ]; }

rack power off manager
rack serve off
sed -i '/^machine manager /s/-$/manager-system:2G:boot/' "$site_dir/rack.tab"
sed -i '/name = "manager"; role/a systems = ( { name = "main"; disk = "/dev/disk/by-id/virtio-manager-system"; } );' "$site_dir/site.cfg"
expect_exit "bootstrap: without a repository" 1 moyai bootstrap --yes
expect_text "bootstrap: … says what to do" 'the manager keeps the site' "$output"
export GIT_AUTHOR_NAME=test GIT_AUTHOR_EMAIL=test@example GIT_COMMITTER_NAME=test GIT_COMMITTER_EMAIL=test@example
git -C "$site_dir" init -q -b main && echo rack.tab >"$site_dir/.git/info/exclude" && git -C "$site_dir" add -A && git -C "$site_dir" commit -q -m site

# Killed, and its machine without power, in the middle: it is run again.
cut_off() {
	MOYAI_TIMEOUT=600 moyai bootstrap --yes >"$test_dir/bootstrap" 2>&1 &
	bootstrap=$!
	expect "bootstrap: switches the manager on" within 30 grep -q '^manager *is switched on, by its BMC' "$test_dir/bootstrap"
	expect "bootstrap: comes to the manager's disk" within 240 grep -qE '^ *plan: 4 to create' "$test_dir/bootstrap"
	sleep 4
	rack power off manager
	expect "bootstrap: a power cut is an error" within 120 sh -c "! kill -0 $bootstrap"
	expect_text "bootstrap: … which says to run it again" 'run moyai bootstrap again: it goes on where it was' "$(cat "$test_dir/bootstrap")"
}
! long || cut_off
mv "$state/bmc/manager" "$test_dir/bmc-manager"
MOYAI_TIMEOUT=900 moyai bootstrap --yes >"$test_dir/bootstrap" 2>&1 &
bootstrap=$!
expect "bootstrap: again, and it asks whoever stands before the manager to switch it on" within 30 grep -q 'switch it on now' "$test_dir/bootstrap"
begin=$SECONDS
rack power on manager
wait "$bootstrap"
expect_same "bootstrap: succeeds" 0 $?
# The manager is to have it, too.
expect "bootstrap: its BMC's password is told after that" sh -c "tests/rack/rack moyai bmc password manager <'$test_dir/bmc-manager'"
expect_text "bootstrap: says that it has taken over" 'manager has taken over' "$(tail -n 1 "$test_dir/bootstrap")"
echo "bootstrap: $((SECONDS - begin)) s from power-on"
expect_exit "bootstrap: once more does nothing" 0 moyai bootstrap --yes
expect_text "manager: runs from its disk" 'moyai\.slot=a' "$(on manager "cat /proc/cmdline")"
expect_text "manager: its state is on the disk" '^/dev/vda5 ext4$' "$(on manager "findmnt -n -o SOURCE,FSTYPE /var/lib/moyai")"
expect_same "manager: the site is there" "$(git -C "$site_dir" rev-parse HEAD)" "$(on manager "git -C /var/lib/moyai/site.git rev-parse main")"
expect_exit "pxe serve: refuses here now" 1 moyai pxe serve
expect_text "pxe serve: … and says why" 'manager \(10.77.0.11\) has taken over network boot' "$output"

MOYAI_TIMEOUT=400 expect_exit "apply from the operator's machine" 0 moyai apply --yes
expect_same "apply: the manager knows the applied revision" "$(git -C "$site_dir" rev-parse HEAD)" "$(on manager "git -C /var/lib/moyai/site.git rev-parse refs/moyai/applied")"
expect_text "log: the manager has this apply" ' applied$' "$(on manager "moyai -C /var/lib/moyai/site log" | tail -n 1)"
# A clone that lacks what the manager has. By the objects, and not by checking it out: site_dir is in use.
git -C "$site_dir" branch -q newer "$(git -C "$site_dir" commit-tree -m newer -p HEAD 'HEAD^{tree}')"
expect_exit "stale clone: somebody applies a newer revision" 0 moyai apply --yes --rev newer
expect_exit "stale clone: apply is refused" 1 moyai apply --yes
expect_text "stale clone: … and says what to do" 'nothing was changed: manager has the site at .* pull --no-rebase root@10.77.0.11:/var/lib/moyai/site.git main' "$output"
git -C "$site_dir" merge -q --ff-only newer
expect_exit "stale clone: has its turn when it is none any more" 0 moyai apply --yes
expect_exit "plan here: nothing to do" 0 moyai plan --json
here=$output
expect_exit "plan there: nothing to do" 0 on manager "moyai -C /var/lib/moyai/site plan --json"
expect_same "plan: the same here and there" "$here" "$output"
on gw "echo 0 >/proc/sys/net/ipv4/ip_forward"
expect_exit "plan here: something to do" 2 moyai plan --json
here=$output
expect_exit "plan there: something to do" 2 on manager "moyai -C /var/lib/moyai/site plan --json"
expect_same "plan: … the same" "$here" "$output"
expect_text "plan: … which is the one step" '"kind":"sysctl","id":"net.ipv4.ip_forward"' "$output"
MOYAI_TIMEOUT=400 expect_exit "plan: … and is done" 0 moyai apply --yes
manager_says() {
	local line
	moyai doctor >"$test_dir/doctor" 2>&1
	for line in 'port 67 +ok ' 'port 69 +ok ' 'port 8067 +ok ' 'port 19532 +ok ' 'port 6666 +ok ' \
		'git +ok +main is [0-9a-f]+, applied was [0-9a-f]+ '; do
		grep -E "^manager: $line" "$test_dir/doctor" || return 1
	done
}
expect "doctor: the manager says who has its ports, and that its site is there" within 60 manager_says

# ---- moyaid hangs ----
hangs() {
	local before
	before=$(on manager "systemctl show -P MainPID moyaid")
	on manager "kill -STOP $before"
	restarted() { local now; now=$(on manager "systemctl show -P MainPID moyaid") && [ "$now" != 0 ] && [ "$now" != "$before" ]; }
	expect "moyaid: one that hangs is started anew by its watchdog" within 240 restarted
	expect "moyaid: … and serves again" within 60 manager_says
}
! long || hangs

# ---- what an operator sets, the manager knows ----
set_by_operator() {
	expect_exit "maintenance: on" 0 moyai maintenance on mem1 --reason "new disk"
	expect_text "maintenance: the manager knows" 'mem1.*new disk' "$(on manager "moyai -C /var/lib/moyai/site maintenance")"
	expect_exit "maintenance: off" 0 moyai maintenance off mem1
	expect_same "maintenance: … which the manager knows, too" "NODE SINCE BY REASON" "$(on manager "moyai -C /var/lib/moyai/site maintenance" | tr -s ' ' | sed 's/ $//')"
	expect_exit "password of a BMC: set" 0 password_of gw
	expect_same "password of a BMC: the manager has it" "$bmc_password 600" "$(on manager "cat /var/lib/moyai/state/bmc/gw && stat -c %a /var/lib/moyai/state/bmc/gw" | paste -sd' ')"
}
password_of() { printf '%s\n' "$bmc_password" | rack moyai bmc password "$1"; }
! long || set_by_operator

# ---- everything loses power ----
disk_sum() {
	on vm1 "dd if=/dev/moyai/store1/vm1-data bs=1M count=8 iflag=direct status=none | sha256sum"
}
recovered() { [ "$(on manager "journalctl -u moyaid -b --no-pager -o cat | grep -c 'applied .* nodes'")" -ge 1 ] && moyai plan; }
on vm1 "dd if=/dev/urandom of=/dev/moyai/store1/vm1-data bs=1M count=8 oflag=direct status=none"
before=$(disk_sum)
expect_text "power cut of all five: there is data on vm1's disk" '^[0-9a-f]{64} ' "$before"
# The operator's machine is switched off: nobody has its address. Who looks has another one.
rack_net sysctl -q -w net.ipv4.conf.br-rack.promote_secondaries=1
rack_net ip address del 10.77.0.1/24 dev br-rack
rack_net ip address add 10.77.0.98/24 dev br-rack
# Or what the machines that do not answer wrote last.
all_recovered() {
	local node
	within 900 recovered && return
	for node in manager gw vm1 store1 mem1; do
		on "$node" true >/dev/null 2>&1 || tail -n 4 "$dir/$node.log" | tr -cd '[:print:]\n' | sed "s/^/$node: /"
	done
	return 1
}
comes_back() { # WHAT
	expect "$1: every node is as wanted again, without a person" all_recovered
	expect_same "$1: the data of vm1's disk is there" "$before" "$(disk_sum)"
	expect_text "$1: the log has what nobody stood by" '\(unattended\)' "$(moyai log)"
	expect_same "$1: the manager's file systems are whole" "" \
		"$(on manager "journalctl -k -b --no-pager -o cat | grep -E 'EXT4-fs error|I/O error'")"
}
# What recovery takes, with stages, when nothing else goes wrong.
power_cut() {
	rack power off manager gw vm1 store1 mem1
	begin=$SECONDS
	rack power on manager gw vm1 store1 mem1
	comes_back "power cut of all five"
	echo "power cut of all five: $((SECONDS - begin)) s until every role is as wanted"
	on manager "journalctl -u moyaid -b --no-pager -o short-monotonic | grep -E 'boots|applying|applied'"
}
! long || power_cut

# ---- everything loses power during an apply, and the manager again while it brings all back ----
# Each round with another moment of the manager: while it serves an image, when it begins to apply, in the
# middle of a step. mem1 comes back with a clock that is wrong by a year or more. RACK_TEST=long: the manager
# starts from the same disk by one firmware and by the other, in turns.
# cut_at_first_step NODE…: an apply, and each of the nodes loses power when a step begins there.
cut_at_first_step() {
	local node end=$((SECONDS + 120)) left="$*" still
	: >"$test_dir/events"
	tests/rack/rack moyai apply --yes --json >"$test_dir/events" 2>"$test_dir/apply.err" &
	apply_pid=$!
	while [ -n "$left" ] && [ $SECONDS -lt $end ]; do
		still=""
		for node in $left; do
			if grep -E '"event": ?"start"' "$test_dir/events" | grep -qE "\"node\": ?\"$node\""; then
				rack power off "$node"
				cuts=$((cuts + 1))
			else
				still+=" $node"
			fi
		done
		left=$still
		sleep 0.1
	done
	[ -z "$left" ]
}
failed_nodes() {
	tail -n 1 "$test_dir/events" | gojq -r '(.failed_nodes // []) | sort | join(" ")'
}

unattended=/var/lib/moyai/log/unattended.jsonl
serves_image() { on manager "grep -q '\"stage\": \"image\"' /var/lib/moyai/state/boot/*.json"; }
begins_apply() { on manager "journalctl -u moyaid -b --no-pager -o cat | grep -q 'applying [0-9]'"; }
does_step() { on manager "tail -c +$((size + 1)) $unattended | grep -q '\"event\": *\"start\"'"; }
moments=(serves_image begins_apply does_step)
# In the past systemd sets it to when it was built itself.
clocks=(2037-12-31 1999-01-01 2029-06-30 2032-02-29 2024-11-21 2031-11-21)
rounds=3
! long || rounds=6
cuts=0 cuts_in_time=0
for ((round = 1; round <= rounds; round++)); do
	of="round $round of $rounds"
	moment=${moments[(round - 1) % 3]}
	for node in manager gw vm1 store1 mem1; do
		on "$node" "ip link del storage"
	done
	# Not by expect, whose subshell would keep the pid for itself.
	if cut_at_first_step manager gw vm1 store1 mem1; then
		ok "power cuts: each node comes to a step, $of"
	else
		not_ok "power cuts: each node comes to a step, $of" "$(tail -n 5 "$test_dir/events" "$test_dir/apply.err")"
	fi
	if long && [ $((round % 2)) = 0 ]; then firmware=uefi; else firmware=bios; fi
	sed -i -E "/^machine manager /s/ (bios|uefi) / $firmware /" "$site_dir/rack.tab"
	rack power on manager gw vm1 store1
	RACK_CLOCK=${clocks[round - 1]} rack power on mem1
	expect "manager killed: it is there again, $of" within 300 on manager true
	size=$(on manager "stat -c %s $unattended || echo 0" 2>/dev/null)
	expect "manager killed: comes so far that it $moment, $of" within 300 "$moment"
	rack power off manager
	sleep 2
	rack power on manager
	# It waits for connections that are lost; meanwhile the machines start.
	code=0
	wait "$apply_pid" || code=$?
	# A step may have been over before the power was: then there is nothing to name.
	read -ra named < <(failed_nodes)
	cuts_in_time=$((cuts_in_time + ${#named[@]}))
	expect_same "power cuts: apply fails when it lost a node, $of" $((${#named[@]} > 0)) $code
	comes_back "power cuts, and the manager killed when it $moment, $of"
	expect_same "power cuts: the manager started from its disk by $firmware, $of" "$firmware a" \
		"$(on manager "test -d /sys/firmware/efi && echo uefi || echo bios; sed 's/.*moyai.slot=\([ab]\).*/\1/' /proc/cmdline" | paste -sd' ')"
	expect "power cuts: mem1 has a wrong clock, $of" test "$(on mem1 "date -u +%F")" != "$(date -u +%F)"
done
sed -i -E "/^machine manager /s/ uefi / bios /" "$site_dir/rack.tab"
expect "power cuts: most came while a step ran" test $cuts_in_time -gt $((cuts / 2))
echo "power cuts: $cuts at a step, $cuts_in_time of them before it was over; the manager was killed $rounds times after that"

# ---- the manager is away while a node boots ----
boot_of_gw() { on manager "grep -Eq '\"stage\": \"$1\"' /var/lib/moyai/state/boot/gw.json"; }
leaves_gw() { on manager "grep -Eq '\"stage\": \"(initramfs|image)\"' /var/lib/moyai/state/boot/gw.json && systemctl stop moyaid"; }
gw_waits() { tail -c "+$marks" "$dir/gw.log" | grep -aq 'did not work, trying again in'; }
is_away() {
	marks=$(wc -c <"$dir/gw.log")
	since=$(on manager "date '+%F %T'")
	rack power cycle gw
	expect "manager away: while gw is in its initramfs" within 300 leaves_gw
	expect "manager away: gw waits for it" within 120 gw_waits
	sleep 30
	expect "manager away: moyaid is back" on manager "systemctl start moyaid"
	expect "manager away: gw boots on" within 300 boot_of_gw ready
	expect "manager away: every node is as wanted" within 300 moyai plan
	expect_same "manager away: gw has not started anew" 1 \
		"$(on manager "journalctl -u moyaid --since '$since' --no-pager -o cat | grep -c 'gw: boots'")"
}
! long || is_away
rack_net ip address add 10.77.0.1/24 dev br-rack
rack_net ip address del 10.77.0.98/24 dev br-rack
