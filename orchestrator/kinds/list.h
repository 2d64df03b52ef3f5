/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KINDS_LIST_H
#define KINDS_LIST_H
/*
 * Every kind of resource, in the order of application: what is needed comes
 * before what needs it. The firewall is first: it asks for no interface to be
 * there, and nothing is forwarded before it stands. A new kind is one folder
 * and one line here. The two tables made from it are apart because `moyai` has
 * no nodes' half to link.
 */
/* clang-format off */
#define KINDS(KIND) \
	KIND(firewall) \
	KIND(sysctl) \
	KIND(service) \
	KIND(bond) \
	KIND(port) \
	KIND(vlan) \
	KIND(bridge) \
	KIND(route) \
	KIND(masquerade) \
	KIND(resolver) \
	KIND(clock) \
	KIND(journal) \
	KIND(partition) \
	KIND(pool) \
	KIND(volume) \
	KIND(memory) \
	KIND(target) \
	KIND(session) \
	KIND(filesystem) \
	KIND(mount) \
	KIND(swap) \
	KIND(system) \
	KIND(repository) \
	KIND(appliance) \
	KIND(guest)
/* clang-format on */
#endif
