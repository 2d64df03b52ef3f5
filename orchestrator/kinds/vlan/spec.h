/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KINDS_VLAN_SPEC_H
#define KINDS_VLAN_SPEC_H
#include "engine/interface.h"
/*
 * A tagged interface (802.1Q) with its addresses. Declared by hand, or derived
 * by the slice from the networks that a node has an address on.
 */
struct vlan {
	char *name;   /* of the interface */
	char *parent; /* the interface that carries the tag */
	uint64_t id;
	uint64_t mtu;
	struct interface own;
	char *bridge;	     /* that it is a port of; NULL: none */
	uint64_t parent_mtu; /* wanted: what the site says of it; seen: when it does not */
	char *foreign;	     /* observed: what it is when it is not ours; NULL: ours */
};
extern const struct kind_spec vlan_spec;
#endif
