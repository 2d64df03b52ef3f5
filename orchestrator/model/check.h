/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MODEL_CHECK_H
#define MODEL_CHECK_H
#include "model/read.h"
/*
 * Mistakes that show only when values are seen together. Each function adds all it finds.
 */
struct check {
	struct site *site;
	struct mistakes *mistakes;
};

/* "line 12", or "nodes.cfg:12" when that is not the file of `seen_from`. The caller frees. */
char *check_place_text(struct place place, struct place seen_from);

/* check_network.c: networks by themselves and beside each other, and what boots from one. */
void check_networks(struct check *check);
void check_boot(struct check *check);
/* An address by what its network says. `what`: `node "vm1": addresses: storage`. */
void check_in_network(struct check *check, struct place place, const char *what,
		      const struct network *network, const char *text);

/* check_cluster.c: what nodes give to guests, and clusters beside each other and the site. */
void check_guests(struct check *check);
void check_clusters(struct check *check);
/* The addresses of a cluster's private network, by themselves and beside the site's. */
void check_private_network(struct check *check, struct place place, const char *what,
			   const struct cluster *cluster, const char *cidr);
/* check_allocation.c: what their records say. */
void check_allocations(struct check *check);

/* Once what follows from the clusters was added: nodes that got something are checked once more. */
void check_expanded(struct site *site, struct mistakes *mistakes);

/* check_address.c: those of the site's networks, and those that nodes have by resources of
   their own and of their roles. */
void check_addresses(struct check *check);
void check_held(struct check *check);
#endif
