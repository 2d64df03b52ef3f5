/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/plan.h"
#include "kinds/vlan/spec.h"
#include "system/links.h"
#include "system/networkd.h"
#include "system/node.h"

enum { SETTLE_MS = 20000 }; /* udev and networkd, in software emulation */

static int vlan_list(struct node *node, struct text_list *owned, struct err *err)
{
	(void)node;
	return networkd_list("vlan", owned, err);
}

/* What the site says of it was checked there: one that is smaller now becomes that before. */
static void observe_parent(const struct link *parent, const struct vlan *wanted, struct vlan *have)
{
	if (parent != NULL && (wanted == NULL || wanted->parent_mtu == FIELD_UNSET))
		have->parent_mtu = parent->mtu;
}

static int vlan_observe(struct node *node, const char *id, const struct spec *want,
			struct spec *have, bool *found, struct err *err)
{
	struct vlan *body = have->body;
	bool owned;
	const struct links *links = links_get(node, err);
	if (links == NULL || networkd_owns("vlan", id, &owned, err) != 0)
		return -1;
	const struct vlan *wanted = want ? want->body : NULL;
	const struct link *link = links_find(links, id);
	*found = false;
	if (link == NULL) {
		/* judge() compares the mtu before the interface is there, too. */
		observe_parent(wanted ? links_find(links, wanted->parent) : NULL, wanted, body);
		return 0;
	}
	const struct link *parent = links_find_index(links, link->parent);
	body->name = xstrdup(id);
	body->mtu = link->mtu;
	if (text_equal(link->kind, "vlan")) {
		body->id = link->vlan;
		body->parent = xstrdup(parent ? parent->name : NULL);
	}
	observe_parent(parent, wanted, body);
	struct interface_seen seen = {
		.addresses = &link->addresses,
		.gateway = link->gateway,
		.gateway6 = link->gateway6,
		.up = link->up,
	};
	if (networkd_asks_dhcp(id, &seen.dhcp, err) != 0)
		return -1;
	interface_observe(wanted ? &wanted->own : NULL, &seen, &body->own);
	if (!owned || !text_equal(link->kind, "vlan"))
		body->foreign = xstrdup(link_kind_text(link));
	/* Without the mark it is refused, and not ours even if it is as wanted. */
	*found = body->foreign == NULL;
	return 0;
}

static int find_parent(const struct links *links, const struct vlan *want,
		       const struct link **parent, struct err *err)
{
	*parent = links_find(links, want->parent);
	if (*parent == NULL) {
		AUTO_STR struct str there = STR_INIT;
		for (size_t i = 0; i < links->count; i++)
			str_addf(&there, "%s%s", i ? ", " : "", links->items[i].name);
		return err_set(err, "there is no interface %s; this node has %s", want->parent,
			       str_text(&there));
	}
	if (want->mtu > (*parent)->mtu)
		return err_set(err,
			       "mtu %" PRIu64 " is larger than %" PRIu64 ", that of its parent %s",
			       want->mtu, (*parent)->mtu, want->parent);
	return 0;
}

/* A new interface goes into the bridge that was on the old one, which has no step of its own
   when it is as wanted. One that is not there yet takes its port itself. */
static int join_bridge(struct node *node, const struct vlan *want, struct err *err)
{
	bool owned;
	if (want->bridge == NULL)
		return 0;
	node_forget(node);
	const struct links *links = links_get(node, err);
	if (links == NULL || networkd_owns("bridge", want->bridge, &owned, err) != 0)
		return -1;
	const struct link *link = links_find(links, want->name);
	const struct link *bridge = links_find(links, want->bridge);
	if (link == NULL || bridge == NULL || !owned || !text_equal(bridge->kind, "bridge") ||
	    link->master == bridge->index)
		return 0;
	return link_set_master(link->index, bridge->index, err);
}

/* The kernel knows a tag once per parent. One of ours under another name was renamed in the
   configuration: its own removal comes last, too late for this one. Or it is to have another
   tag: its own step then makes it again. */
static int free_tag(const struct links *links, const struct vlan *want, const struct link *parent,
		    struct err *err)
{
	for (size_t i = 0; i < links->count; i++) {
		const struct link *link = &links->items[i];
		bool owned = false;
		if (link->parent != parent->index || link->vlan != want->id ||
		    !text_equal(link->kind, "vlan") || text_equal(link->name, want->name))
			continue;
		if (networkd_owns("vlan", link->name, &owned, err) != 0)
			return -1;
		if (!owned)
			return err_set(err,
				       "tag %" PRIu64 " on %s is that of interface %s, which is "
				       "not Moyai's",
				       want->id, parent->name, link->name);
		return link_delete(link->name, err);
	}
	return 0;
}

static int vlan_apply(struct node *node, const struct step *step, struct err *err)
{
	const struct vlan *want = step->want->body;
	const struct networkd_link text = {
		.name = want->name,
		.kind = "vlan",
		.mtu = want->mtu,
		.addresses = &want->own.addresses,
		.gateway = want->own.gateway,
		.gateway6 = want->own.gateway6,
		.dhcp = want->own.dhcp == 1,
	};
	const struct link *parent;
	const struct links *links = links_get(node, err);
	if (links == NULL || find_parent(links, want, &parent, err) != 0)
		return -1;
	const struct link *link = links_find(links, want->name);
	if (link != NULL && networkd_check_ours("vlan", link, err) != 0)
		return -1;
	if (link != NULL && (link->vlan != want->id || link->parent != parent->index)) {
		/* The kernel changes neither tag nor parent of an interface. */
		if (link_delete(want->name, err) != 0)
			return -1;
		link = NULL;
	}
	/* The mark comes first: after a crash there is no interface without an owner. */
	if (networkd_configure(&text, link != NULL, err) != 0)
		return -1;
	if (link != NULL && !link->up && link_set_up(link->index, err) != 0)
		return -1;
	if (link == NULL && free_tag(links, want, parent, err) != 0)
		return -1;
	if (link == NULL && (link_create_vlan(want->name, parent, want->id, err) != 0 ||
			     join_bridge(node, want, err) != 0))
		return -1;
	return networkd_wait(want->name, err);
}

static int vlan_remove(struct node *node, const char *id, struct err *err)
{
	(void)node;
	/* The mark goes last, see networkd_forget(). */
	return link_delete(id, err) == 0 ? networkd_forget(id, err) : -1;
}

const struct kind_node vlan_node = {
	.name = "vlan",
	.list = vlan_list,
	.observe = vlan_observe,
	.apply = vlan_apply,
	.remove = vlan_remove,
	.settle_ms = SETTLE_MS,
};
