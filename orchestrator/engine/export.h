/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ENGINE_EXPORT_H
#define ENGINE_EXPORT_H
#include "model/kind.h"
/*
 * What the two ends of an iSCSI target have to agree on, from the configuration alone: the node
 * that has the target and the one that logs in derive the same without a copied list.
 */
#define IQN_PREFIX                                                                                 \
	"iqn.2026-11.moyai." /* SITE:NODE.NAME for a target, SITE:NODE for an initiator */

enum { EXPORT_PORT = 3260 }; /* RFC 7143 */

struct export
{
	char *target_iqn;
	char *initiator_iqn; /* of from->node, where that is not the owner; else of its initiator */
	char *initiator_iqns; /* sorted, with that of the node that its guest is moving to */
	char *portals;	      /* every one, sorted: "10.0.20.14:3260 10.0.21.14:3260" */
	char *chap_user;
	char *chap_secret;   /* NULL without a site key, and so is … */
	char *mutual_secret; /* … the one that the target proves itself with */
	char *device;	     /* block device or image file on the node that has the target */
	char *serial;	     /* unit serial of the disk, a digest of the IQN */
	char *wwid;	     /* what the initiator calls it: it follows from the serial */
	uint64_t size_bytes; /* rounded as the kind behind it rounds */
	bool discards;	     /* what is discarded is free again: thin volumes, tmpfs */
};

/* owner: the node with the target, which need not be from->node. */
int export_make(const struct derive *from, const struct site_node *owner, const struct spec *target,
		struct export *export, struct err *err);
void export_free(struct export *export);

/* The iSCSI name of a target; the caller frees. */
char *export_target_iqn(const struct site *site, const char *owner, const char *target);

/* The node that an iSCSI name of ours is of, target's or initiator's, a copy; NULL: it is none. */
char *export_iqn_node(const char *iqn);
/* … and the target there, a copy; NULL: it is an initiator's. */
char *export_iqn_target(const char *iqn);
bool export_iqn_same_site(const char *a, const char *b); /* both of them ours */

/* The networks that a target is offered on, or a session reaches it on; the first one first. */
void export_networks(const struct spec *spec, struct text_list *networks);
/* Where the configuration names the one at this place of that list. */
struct place export_network_place(const struct spec *spec, size_t index);
/* The owner's portals on these networks of a target or session, sorted, a copy; NULL: it has no
   address on one of them. */
char *export_portals(const struct site_node *owner, const struct spec *spec, struct err *err);
#endif
