# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2154
# RACK_TEST=long: each node loses power while it is being configured, three times over. Every time
# apply fails and names the node, the next one after the boot converges, and the data is as it was.

# cut NODE: an apply that has something to do there, and a power cut at its first step.
cut() {
	local node=$1 code=0
	on "$node" "ip link del storage" || return 1
	if ! apply_until "\"event\": ?\"start\".*\"node\": ?\"$node\"|\"node\": ?\"$node\".*\"event\": ?\"start\""; then
		echo "apply came to no step on $node"
		tail -n 5 "$test_dir/events" "$test_dir/apply.err"
		return 1
	fi
	rack power off "$node"
	wait "$apply_pid" || code=$?
	rack power on "$node"
	rack wait "$node" || return 1
	# The step may have been over before the power was: then there is nothing to name.
	if [ $code -ne 0 ] && ! tail -n 3 "$test_dir/events" | grep -q "\"failed_nodes\": ?\[.*\"$node\""; then
		echo "exit $code, and the summary does not name $node"
		tail -n 3 "$test_dir/events"
		return 1
	fi
	[ $code -eq 0 ] || in_time=$((in_time + 1))
	moyai apply --yes && moyai plan
}

if [ "${RACK_TEST:-}" = long ]; then
	in_time=0 cuts=0
	for _ in 1 2 3; do
		for node in manager gw vm1 store1 mem1; do
			cuts=$((cuts + 1))
			if cut "$node" >"$test_dir/cut" 2>&1 && [ "$(sum)" = "$before" ]; then
				ok "power cut of $node during apply, cut $cuts"
			else
				not_ok "power cut of $node during apply, cut $cuts" "$(tail -n 20 "$test_dir/cut")" "data: $(sum), before: $before"
			fi
		done
	done
	echo "power cuts during apply: $in_time of $cuts while a step ran"
	expect "power cuts: most came while a step ran" test $in_time -gt $((cuts / 2))
fi
