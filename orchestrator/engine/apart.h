/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ENGINE_APART_H
#define ENGINE_APART_H
#include "model/mistake.h"
#include "model/site.h"
/*
 * Guests and the networks that their disks are offered on meet nowhere: not on a bridge, which
 * check_cluster.c sees to, and not in a gateway, which forwards nothing but what its firewall allows. A frontend
 * may send to any router on the networks that it is on outside, not only to the one it was told.
 */

/* A cluster of whose frontend packets come from this network: it has an address of its own there, or
   gets out to it because ports lead in from there. NULL: none. place: where it says so. */
const struct cluster *apart_cluster(const struct site *site, const char *network,
				    struct place *place);
/* Whether disks of guests are offered on the network. */
bool apart_has_disks(const struct site *site, const char *network);

/* A mistake for each node that forwards and has no firewall. What that allows is checked with it. */
void apart_check(const struct site *site, struct mistakes *mistakes);
#endif
