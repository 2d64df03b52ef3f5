# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2154
# Three rounds: an apply has something to do everywhere, and the nodes lose power at their first steps;
# it fails and names them, the next one after the boot converges, and the data is as it was. vm1 and
# store1, the others had theirs in 65-faults. RACK_TEST=long: six rounds, all five at once.
rounds=3 victims="vm1 store1"
[ "${RACK_TEST:-}" != long ] || rounds=6 victims="manager gw vm1 store1 mem1"
read -ra victims <<<"$victims"

cuts=0 cuts_in_time=0
expect_exit "power cuts: all is as wanted before" 0 moyai apply --yes
for ((round = 1; round <= rounds; round++)); do
	of="round $round of $rounds"
	for node in "${victims[@]}"; do
		on "$node" "ip link del storage"
	done
	if cut_at_first_step "${victims[@]}"; then
		ok "power cuts: each node comes to a step, $of"
	else
		not_ok "power cuts: each node comes to a step, $of" "$(tail -n 5 "$test_dir/events" "$test_dir/apply.err")"
	fi
	code=0
	wait "$apply_pid" || code=$?
	# A step may have been over before the power was: then there is nothing to name.
	read -ra named < <(failed_nodes)
	cuts_in_time=$((cuts_in_time + ${#named[@]}))
	expect_same "power cuts: apply fails when it lost a node, $of" $((${#named[@]} > 0)) $code
	rack power on "${victims[@]}"
	expect "power cuts: all boot again, $of" rack wait "${victims[@]}"
	expect_exit "power cuts: apply, $of" 0 moyai apply --yes
	expect_exit "power cuts: nothing is left to do, $of" 0 moyai plan
	expect_same "power cuts: the data is as it was, $of" "$before" "$(sum)"
done
expect "power cuts: most came while a step ran" test $cuts_in_time -gt $((cuts / 2))
echo "power cuts: $cuts at a step, $cuts_in_time of them before it was over"
