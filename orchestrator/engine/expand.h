/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ENGINE_EXPAND_H
#define ENGINE_EXPAND_H
#include "engine/allocate.h"
/*
 * What follows from the clusters: ordinary resources of nodes, added to what these declare, so
 * that slices, graph, plan and apply know of no clusters.
 *
 *   running   on the storage node a volume per disk and a target for the one host of the guest;
 *             on the host the sessions, the cluster's VLAN, a bridge on it, and the guest
 *             while the guest moves, its targets let its next host in, too, which has all but the guest
 *   stopped   the volumes alone
 *   absent    nothing; and the volumes that its record names may be lost: what is declared absent
 *             is the consent of the configuration (the command line has to consent besides)
 *
 *   CLUSTER-NODE, CLUSTER-NODE-scratch   volume, target, session FROM/…, and guest CLUSTER-NODE
 *   vlanTAG, br-vlanTAG                  on each host that has a guest of the cluster
 *   br-NETWORK                           on the frontend's host, when it is also on that network; of
 *                                        a name of more than 12 characters br-BEGINNI-DIGEST
 *   br-linkTAG, masquerade linkTAG-…     there, when ports of the gateway lead to the frontend; and
 *                                        rules in the firewall that the gateway has
 *   appliance ROLE                       what guests of the host that boot from it are started with
 *
 * Once, on a site without mistakes, with its whole allocations. Mistakes are those of what was
 * added, at the place of the cluster that it follows from. Sets cluster->open.
 */
void expand(struct site *site, const struct allocations *allocations, struct mistakes *mistakes);

/* The data that consent to lose the cluster's is about, as scopes of the command line:
   "store1/volume/genome-frontend". By its record. */
void expand_scopes(const struct cluster *cluster, struct text_list *scopes);

/* How a volume is to be removed that is an absent cluster's by its record ("overwrite"), or was a node's
   that was taken out; borrowed. NULL: it is none's. */
const char *expand_scrub(const struct site *site, const char *node, const char *volume);

/* Of volumes on the storage node that disks with boot = "golden" are clones of: golden-APPLIANCE. */
#define EXPAND_GOLDEN "golden-"
#endif
