# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2154
# Two operators at one site, three times: one waits, or is told who is at work. And what they do every
# day. RACK_TEST=long: six times.
rounds=3
[ "${RACK_TEST:-}" != long ] || rounds=6

# by NAME ARG…: moyai, as this person.
by() {
	local who=$1
	shift
	SUDO_USER='' USER=$who timeout "${MOYAI_TIMEOUT:-180}" tests/rack/rack moyai "$@"
}

# Nothing is left to do, so that each round has one step: the link that is taken away.
expect_exit "two operators: there is a state to begin with" 0 moyai apply --yes
for ((round = 1; round <= rounds; round++)); do
	of="round $round of $rounds"
	on manager "ip link del storage"
	by ann apply --yes >"$test_dir/ann" 2>&1 &
	ann=$!
	expect "two operators: ann has the lock, $of" within 60 grep -q '"who":"ann@' "$state/apply.lock"
	expect_exit "two operators: bob does not wait, $of" 1 by bob apply --yes --no-wait
	expect_text "two operators: bob is told who is at work, $of" \
		'^moyai: ann@[^ ]+ has been applying since [^ ]+ \(process [0-9]+: apply\)' "$output"
	expect_exit "two operators: bob waits, $of" 0 by bob apply --yes
	expect_text "two operators: bob finds nothing left to do, $of" '^applied: 0 steps on 5 nodes' "$output"
	expect_ended "two operators: ann comes to the end, $of" $ann
	expect_text "two operators: ann did it, $of" '^applied: 1 step on 5 nodes' "$(tail -n 3 "$test_dir/ann")"
done
echo "two operators: $rounds times at once"
expect_text "log: the last applies and who they were" 'ann@[^ ]+ +.* 1 +0 .* applied.*bob@[^ ]+ +.* 0 +0 .* applied$' \
	"$(moyai log | tail -n 2 | tr '\n' ' ' | sed 's/ $//')"

# ---- plan --out, drift, maintenance ----
on manager "ip link del storage"
expect_exit "plan --out: exit 2" 2 moyai plan --out "$test_dir/plan"
expect_exit "maintenance: of manager" 0 moyai maintenance on manager --reason 'new memory'
expect_exit "maintenance: drift leaves it alone" 0 moyai drift
expect_text "maintenance: and says so" '^in maintenance, left alone: manager since .*: new memory$' "$output"
expect_exit "maintenance: a plan with it is stale" 1 moyai apply --yes "$test_dir/plan"
expect_exit "maintenance: ends" 0 moyai maintenance off manager
expect_exit "drift: exit 2" 2 moyai drift
expect_exit "apply FILE: exactly the plan" 0 moyai apply --yes "$test_dir/plan"
expect_exit "apply FILE: not a second time" 1 moyai apply --yes "$test_dir/plan"
expect_text "apply FILE: it says why" '^manager vlan/storage: there is nothing to do any more$' "$output"
expect_exit "drift: none" 0 moyai drift

# ---- copy, ssh ----
head -c 20000000 /dev/urandom >"$test_dir/file"
chmod 750 "$test_dir/file"
expect_exit "copy: to all nodes" 0 moyai copy @all "$test_dir/file" /run/
wanted="$(sha256sum <"$test_dir/file") 750"
for node in manager gw vm1 store1 mem1; do
	expect_same "copy: $node has it" "$wanted" \
		"$(on $node "sha256sum </run/file; stat -c %a /run/file; rm /run/file" | tr '\n' ' ' | sed 's/ $//')"
done
rm "$test_dir/file"
expect_exit "ssh: a command" 7 moyai ssh vm1 -- 'hostname; exit 7'
expect_text "ssh: on the node" '^vm1$' "$output"
