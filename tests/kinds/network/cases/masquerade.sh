# shellcheck shell=sh disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-3.0-or-later
slice nat "$(want masquerade '"name":"guests","from":"10.77.30.0/24","out":"boot0"')" \
	"$(want masquerade '"name":"one","from":"10.77.40.7/32","out":"boot0"')"
slice nat_other "$(want masquerade '"name":"guests","from":"10.77.31.0/25","out":"storage"')"
comes nat 2 "masquerade: created"
check_has "masquerade: nftables has it" 'ip saddr 10.77.30.0/24 oifname "boot0" masquerade comment "moyai:guests"' nft list table ip moyai
nft flush table ip moyai
expect 2 "create masquerade/guests: from[>10.77.30.0/24] out[>boot0]
create masquerade/one: from[>10.77.40.7/32] out[>boot0]
2 steps, 0 kept" "masquerade: nft flush is seen" plan nat
comes nat 2 "masquerade: and undone"
nft delete table ip moyai
comes nat 2 "masquerade: comes back after nft delete table"
nft add rule ip moyai postrouting ip saddr 10.77.30.0/24 oifname boot0 masquerade comment '"moyai:guests"'
comes nat 2 "masquerade: one rule of two the same goes"
comes nat_other 1 "masquerade: changed, the other removed"
check_has "masquerade: the new one" 'ip saddr 10.77.31.0/25 oifname "storage" masquerade' nft list table ip moyai
comes nothing 0 "masquerade: removed"
check_not "masquerade: the table is gone" nft list table ip moyai
interrupted "masquerade" nothing nat nat_other nothing
