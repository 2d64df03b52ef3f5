/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KINDS_BRIDGE_SPEC_H
#define KINDS_BRIDGE_SPEC_H
#include "engine/interface.h"
/*
 * A bridge on the tagged interface of a network: guests are attached to it. The
 * node's address on that network, if any, is the bridge's.
 */
struct bridge {
	char *name;
	char *network;
	char *port; /* the vlan below it */
	uint64_t mtu;
	struct interface own;
	char *filtering; /* "on": what a guest tags itself goes nowhere */
	char *foreign;	 /* observed: what it is when it is not ours; NULL: ours */
};
extern const struct kind_spec bridge_spec;
#endif
