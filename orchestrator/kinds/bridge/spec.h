/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KINDS_BRIDGE_SPEC_H
#define KINDS_BRIDGE_SPEC_H
#include "engine/interface.h"
/*
 * A bridge that guests are attached to: on the tagged interface of a network,
 * and then the node's address there, if any, is the bridge's; or on nothing, for
 * the guests of this node alone.
 */
struct bridge {
	char *name;
	char *network; /* NULL: none */
	char *port;    /* the vlan below it; NULL: none. A cluster's has it without a network */
	uint64_t mtu;
	struct interface own;
	char *filtering; /* "on": what a guest tags itself goes nowhere; NULL: no matter */
	char *foreign;	 /* observed: what it is when it is not ours; NULL: ours */
};
extern const struct kind_spec bridge_spec;
#endif
