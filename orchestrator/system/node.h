/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_NODE_H
#define SYSTEM_NODE_H
#include <jansson.h>

#include "base/err.h"
/*
 * The machine moyai-node runs on, as seen in one phase: each source is read
 * once, on first use (one `lvm` report, one netlink dump, …), and forgotten
 * when something was changed.
 */
struct links;	/* system/links.h */
struct domains; /* system/virt.h */

struct node {
	const char *site; /* site name, for marks; borrowed */
	const char *name; /* this node; borrowed */
	json_t *lvm;	  /* `lvm fullreport`, or NULL while not read */
	json_t *nft;	  /* our table as `nft --json` prints it; see system/nft.h */
	json_t *units;	  /* states of units; see system/units.h */
	json_t *portals;  /* which ones take a connection; see system/iscsi.h */
	struct links *links;
	struct domains *domains;
	/* Told while a step takes long, lest it is taken for dead; NULL: nobody listens. */
	void (*still)(void *context);
	void *context;
};
void node_init(struct node *node, const char *site, const char *name);
void node_forget(struct node *node);	  /* drop all snapshots: the machine was changed */
void node_still(const struct node *node); /* may be called often */
void node_free(struct node *node);
#endif
