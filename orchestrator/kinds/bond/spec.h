/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KINDS_BOND_SPEC_H
#define KINDS_BOND_SPEC_H
#include "engine/kind.h"
/*
 * Several interfaces as one (Linux bonding). It has no addresses of its own:
 * it carries VLANs. The interface that the node booted from is never in it.
 */
struct bond {
	char *name;
	struct text_list links; /* as written: names or MAC addresses; sorted */
	char *mode;
	uint64_t miimon_ms;
	char *lacp_rate; /* 802.3ad alone */
	uint64_t mtu;
	char *link;	   /* "up" or "down", administratively */
	uint64_t links_up; /* observed */
	char *foreign;	   /* observed: what it is when it is not ours; NULL: ours */
};
extern const struct kind_spec bond_spec;

/* Whether a text of `links` is a MAC address, else it is a name. */
bool bond_link_is_mac(const char *text);
#endif
