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

reaches "apply: comes to targets" '"kind": ?"(target|session)"'
# In the machine, by name: no other apply runs there. It may be done already.
output=$(on store1 "pkill -KILL moyai-node; echo \$?")
echo "moyai-node was killed on store1: pkill said $output" >&2
wait "$apply_pid"

expect_exit "apply: converges after all that" 0 moyai apply --yes
expect_exit "plan: exit 0, there is nothing to do" 0 moyai plan
expect_exit "apply: a second one succeeds" 0 moyai apply --yes --json
expect_same "apply: the second one has zero steps" 0 "$(grep -c '"event": *"start"' <<<"$output")"
