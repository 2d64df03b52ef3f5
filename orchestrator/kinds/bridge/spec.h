/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KINDS_BRIDGE_SPEC_H
#define KINDS_BRIDGE_SPEC_H
#include "engine/kind.h"
/*
 * A bridge on the tagged interface of a network: guests are attached to it. The
 * node's address on that network, if any, is the bridge's.
 */
struct bridge {
	char *name;
	char *network;
	char *port; /* the vlan below it */
	uint64_t mtu;
	struct text_list addresses; /* sorted */
	char *gateway;
	char *gateway6;
	char *link;	  /* "up" or "down", administratively */
	char *filtering;  /* "on": what a guest tags itself goes nowhere */
	char *undeclared; /* "some": has an address or default route where none is wanted */
	char *foreign;	  /* observed: what it is when it is not ours; NULL: ours */
};
extern const struct kind_spec bridge_spec;
#endif
