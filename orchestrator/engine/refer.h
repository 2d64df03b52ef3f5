/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ENGINE_REFER_H
#define ENGINE_REFER_H
#include "engine/kind.h"
/*
 * Looking at resources of another kind by name. Kinds do not know each other's
 * structs; what one needs from another goes through the field table.
 */

/* What the node wants under this name, its role's resources included; or NULL. */
const struct spec *refer_find(const struct site_node *node, const char *kind, const char *id);

/* Text types: NULL while not given. Asking for a field that is not there or
   has another type is a mistake of the program and aborts. */
const char *refer_text(const struct spec *spec, const char *field);
/* BYTES, SECONDS, NUMBER: FIELD_UNSET while not given. */
uint64_t refer_number(const struct spec *spec, const char *field);
const struct text_list *refer_list(const struct spec *spec, const char *field);

/* Call back for each resource of the kind that the node wants, in the order
   they are written, its role's first. */
void refer_each(const struct site_node *node, const char *kind,
		void (*call)(const struct spec *, void *context), void *context);

/* The first resource of want's kind that stands before it and is `same`; NULL: none. Of two that
   cannot be together it is the later one that is reported. */
const struct spec *refer_earlier(const struct site_node *node, const struct spec *want,
				 bool (*same)(const struct spec *, const struct spec *));

/* For messages: `; volumes of store1: "a", "b"`, or `; store1 has no volumes`. Of many the
   first 40 are said, and how many there are. */
void refer_choices(const struct site_node *node, const char *kind, struct str *out);
/* The same of the site's nodes and networks: `; nodes: "gw", "vm1"`. */
void refer_nodes(const struct site *site, struct str *out);
void refer_networks(const struct site *site, struct str *out);

/* A mistake when the node's role lacks a package that only some of the kind need; `what` needs it. */
void refer_check_package(const struct site_node *node, const struct spec *want, const char *package,
			 const char *what, struct mistakes *mistakes);

/* `network` of a kind: mistakes when it does not exist, or the node has no
   address on it. `what` is the start of the message: `target "home"`. */
void refer_check_network(const struct site *site, const struct site_node *node, const char *network,
			 struct place place, const char *what, struct mistakes *mistakes);
/* The node's bridge on the network, or NULL. With one, the node's address is the bridge's. */
const struct spec *refer_bridge(const struct site_node *node, const char *network);
/* The interface below the node's tagged networks; never NULL. */
const char *refer_uplink(const struct site_node *node);
/* Whether the slice derives the network's tagged interface for the node: it has an address on
   the network, or a bridge. */
bool refer_has_vlan(const struct site_node *node, const struct network *network);
/* The mtu that an interface of the node has by the configuration, boot0 and that of a network
   included; FIELD_UNSET when it does not say. */
uint64_t refer_mtu(const struct site *site, const struct site_node *node, const char *link);
/* A mistake for each network of the node that the interface `want` carries, whose mtu is above its own. */
void refer_check_carries(const struct site *site, const struct site_node *node,
			 const struct spec *want, struct mistakes *mistakes);
/* Adds the node's addresses with the network's prefix lengths, "10.0.20.5/24". */
void refer_addresses(const struct site_node *node, const struct network *network,
		     struct text_list *out);
/* The address of the network's default router, borrowed; NULL when there is none, when it is
   the node itself, and when the node has no address there to reach it from. */
const char *refer_router(const struct site *site, const struct site_node *node,
			 const struct network *network);
const char *refer_router6(const struct site *site, const struct site_node *node,
			  const struct network *network);
/* The interface that has the node's address on it, a copy: the bridge on the
   network if the node has one, else its VLAN; NULL when it is untagged. */
char *refer_link(const struct site *site, const struct site_node *node, const char *network);
/* Adds those of a target's or session's network and more_networks. */
void refer_links(const struct site *site, const struct site_node *node, const struct spec *spec,
		 struct text_list *links);
/* For needs(): such an interface, whichever kind it is. */
void refer_need_link(struct refs *refs, const char *link);
void refer_need_links(struct refs *refs, const struct text_list *links);
#endif
