# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2154
# A network change that cuts gw off: a route sends its answers to a node that does not forward them.
# Three times, RACK_TEST=long: six; each time gw takes it back by itself.
rounds=3
[ "${RACK_TEST:-}" != long ] || rounds=6

expect_exit "cut off: all is as wanted before" 0 moyai apply --yes
cp "$site_dir/site.cfg" "$test_dir/site.whole"
links() {
	on gw "ip -o -4 addr show | awk '{ print \$2, \$4 }'; ip route; ls /etc/systemd/network; nft list ruleset"
}
gw_before=$(links)
expect_text "cut off: gw is looked at" '^boot0 10.77.0.12/24' "$gw_before"
for ((round = 1; round <= rounds; round++)); do
	of="$round of $rounds"
	{
		echo 'confirm_within = "10s";'
		sed 's|^\(\t\tname = "gw"; .*\)|\1\n\t\troutes = ( { name = "10.77.0.1/32"; via = "10.77.20.14"; } );|' \
			"$test_dir/site.whole"
	} >"$site_dir/site.cfg"
	begin=$SECONDS
	expect_exit "cut off $of: apply fails" 1 moyai apply --yes --limit gw
	expect_text "cut off $of: it says so" 'gw .*(takes them back after 10 s|they were taken back)' "$output"
	expect "cut off $of: gw answers again" within 60 on gw true
	echo "cut off $of: gw was back $((SECONDS - begin)) s after the apply began" >&2
	expect "cut off $of: the guard has ended" within 20 on gw "flock -n /run/moyai/lock true"
	expect_same "cut off $of: all is as it was" "$gw_before" "$(links)"
	expect_exit "cut off $of: the change is still to be made" 2 moyai plan --limit gw
	expect_text "cut off $of: the next plan tells why" 'network changes that nobody confirmed within 10 s were taken back at' "$output"
done
cp "$test_dir/site.whole" "$site_dir/site.cfg"
expect_exit "cut off: nothing is left to do without it" 0 moyai plan
echo "cut off: $rounds times"
