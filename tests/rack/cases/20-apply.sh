# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2154
# Apply, interrupted in three ways for real, converges; after that there is nothing to do.

# apply_until PATTERN: an apply in the background until its events show the pattern; its pid in
# $apply_pid. The wrapper ends in an exec, so that the pid is moyai's own.
apply_until() {
	local _
	: >"$test_dir/events"
	tests/rack/rack moyai apply --yes --json >"$test_dir/events" 2>"$test_dir/apply.err" &
	apply_pid=$!
	for _ in {1..600}; do
		grep -qE "$1" "$test_dir/events" && return 0
		kill -0 "$apply_pid" 2>/dev/null || return 1
		sleep 0.1
	done
	return 1
}

# Not by expect, whose subshell would keep the pid for itself.
reaches() {
	if apply_until "$2"; then
		ok "$1"
	else
		not_ok "$1" "$(tail -n 5 "$test_dir/events" "$test_dir/apply.err")"
	fi
}

reaches "apply: comes to the partition" '"kind": ?"partition"'
rack power off store1
wait "$apply_pid"
expect_same "power cut of store1 during apply: exit 1" 1 $?
expect_text "power cut of store1 during apply: the summary names it" '"failed_nodes": ?\[.*"store1"' "$(tail -n 5 "$test_dir/events")"
rack power on store1
expect "store1 boots again" rack wait store1

reaches "apply: goes on where it was" '"kind": ?"(vlan|pool|volume)"'
kill -KILL "$apply_pid"
wait "$apply_pid" 2>/dev/null
expect_same "moyai is killed during apply" 137 $?

# moyai-node is killed while it holds the lock of an apply: "root@desk since … (process 4711 there)". What lies in wait
# for that on the node, without a process per look, is there before the apply begins. First, the one before has to end.
expect "apply: moyai-node ends when moyai was killed" within 60 on store1 "flock -n /run/moyai/lock true"
# shellcheck disable=SC2016 # the node's shell
on store1 'exec 2>/dev/null; echo waiting >/run/killer; end=$((SECONDS + 50))
	while [ $SECONDS -lt $end ]; do
		pid=""
		read -r _ _ _ _ pid _ </run/moyai/lock
		[ -n "$pid" ] && kill -KILL "$pid" && echo "killed $pid" && exit
	done; echo "not met"' >"$test_dir/killer" &
killer=$!
expect "apply: a killer waits on store1" within 20 on store1 "test -f /run/killer"
expect_exit "moyai-node is killed on store1 during apply: exit 1" 1 moyai apply --yes
expect_text "moyai-node is killed: the summary names store1" 'failed node: store1' "$(tail -n 1 <<<"$output")"
wait "$killer"
expect_text "moyai-node was killed while it held the lock" '^killed [0-9]+$' "$(cat "$test_dir/killer")"
cat "$test_dir/killer" >&2

expect_exit "apply: converges after all that" 0 moyai apply --yes
echo "after three interruptions: $(tail -n 1 <<<"$output")"
# sshd of each node counts. Who asks for the number the first time may be one of them.
log_ins() { # MORE
	local node
	for node in manager gw vm1 store1 mem1; do
		echo "$node $(($(on "$node" "journalctl -u ssh -o cat --no-pager | grep -c '^Accepted publickey'") + $1))"
	done
}
log_ins 0 >/dev/null
had=$(log_ins 1)
expect_exit "plan: exit 0, there is nothing to do" 0 moyai plan
expect_same "plan: one connection to each node" "$had" "$(log_ins 0)"
expect_exit "apply: a second one succeeds" 0 moyai apply --yes --json
expect_same "apply: the second one has zero steps" 0 "$(grep -c '"event": *"start"' <<<"$output")"
expect_text "apply: … and says so" '"event": ?"applied", ?"steps": ?0, ?"nodes": ?5,' "$output"
