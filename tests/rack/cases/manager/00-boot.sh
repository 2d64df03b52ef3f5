# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2154
# The rack as an operator has it who has no cluster manager yet: nothing is applied.

if ! rack up "$site_dir"; then
	not_ok "boot: the rack comes up" "$(tail -n 30 "$dir/pxe.log")"
	exit 1
fi
ok "boot: the rack comes up"
