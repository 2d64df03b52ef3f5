/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KINDS_RESOLVER_SPEC_H
#define KINDS_RESOLVER_SPEC_H
#include "engine/kind.h"
/*
 * DNS and DHCP of one network, by a dnsmasq of its own. It knows the site's
 * nodes: their names, and which address belongs to which MAC.
 */
struct resolver {
	char *name;
	char *network;
	char *range;		   /* "10.77.30.100-10.77.30.199": for strangers; NULL: none */
	struct text_list upstream; /* servers for all other names */
	struct text_list lines;	   /* of dnsmasq's configuration */
	char *state;		   /* "running", "stale", "stopped" */
};
extern const struct kind_spec resolver_spec;
#endif
