/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_ROUTES_H
#define SYSTEM_ROUTES_H
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
/*
 * Routes of ours in the main table, IPv4 and IPv6, over rtnetlink. Their mark
 * is the number of the protocol that made them. systemd-networkd is left out:
 * it takes the address away from an interface whose routes it is told anew.
 */
struct node;

struct route {
	char *to;  /* "10.0.0.0/8" */
	char *via; /* NULL: on the link itself */
	int link;  /* index */
	uint64_t metric;
};
struct routes {
	struct route *items;
	size_t count;
};

int routes_get(struct routes *routes, struct err *err);
void routes_free(struct routes *routes);

/* What is already so is fine, and so is removing what is not there. */
int route_add(const struct route *route, struct err *err);
int route_remove(const struct route *route, struct err *err);
#endif
