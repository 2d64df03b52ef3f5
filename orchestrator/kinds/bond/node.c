/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "engine/plan.h"
#include "kinds/bond/spec.h"
#include "system/links.h"
#include "system/networkd.h"
#include "system/node.h"

enum { SETTLE_MS = 20000 }; /* udev and networkd, in software emulation */

static int bond_list(struct node *node, struct text_list *owned, struct err *err)
{
	(void)node;
	return networkd_list("bond", owned, err);
}

/* The interface that a text of `links` means; NULL: there is none. */
static const struct link *find_link(const struct links *links, const char *text)
{
	if (!bond_link_is_mac(text))
		return links_find(links, text);
	for (size_t i = 0; i < links->count; i++)
		/* VLANs and the bond itself have the same address. */
		if (links->items[i].kind == NULL && text_equal(links->items[i].own_mac, text))
			return &links->items[i];
	return NULL;
}

/* What is in the bond, in the words that the configuration has for it. */
static void observe_links(const struct links *links, const struct link *link,
			  const struct bond *want, struct bond *have)
{
	have->links_up = 0;
	for (size_t i = 0; i < links->count; i++) {
		const struct link *port = &links->items[i];
		const char *text = port->name;
		if (port->master != link->index)
			continue;
		have->links_up += port->bond_up;
		for (size_t j = 0; want != NULL && j < want->links.count; j++)
			if (find_link(links, want->links.items[j]) == port)
				text = want->links.items[j];
		text_list_add(&have->links, text);
	}
	text_list_sort(&have->links);
}

static int bond_observe(struct node *node, const char *id, const struct spec *want,
			struct spec *have, bool *found, struct err *err)
{
	struct bond *body = have->body;
	bool owned;
	const struct links *links = links_get(node, err);
	if (links == NULL || networkd_owns("bond", id, &owned, err) != 0)
		return -1;
	const struct link *link = links_find(links, id);
	*found = false;
	if (link == NULL)
		return 0;
	body->name = xstrdup(id);
	body->mtu = link->mtu;
	body->link = xstrdup(link->up ? "up" : "down");
	if (text_equal(link->kind, "bond")) {
		body->mode = xstrdup(link->bond_mode);
		body->miimon_ms = link->bond_miimon_ms;
		if (text_equal(link->bond_mode, "802.3ad"))
			body->lacp_rate = xstrdup(link->bond_fast ? "fast" : "slow");
		observe_links(links, link, want ? want->body : NULL, body);
	}
	if (!owned || !text_equal(link->kind, "bond"))
		body->foreign = xstrdup(link_kind_text(link));
	*found = body->foreign == NULL;
	return 0;
}

/* All of them are there and free before anything is changed. */
static int check_links(const struct links *links, const struct bond *want, const struct link *bond,
		       struct err *err)
{
	for (size_t i = 0; i < want->links.count; i++) {
		const char *text = want->links.items[i];
		const struct link *link = find_link(links, text);
		if (link == NULL) {
			AUTO_STR struct str there = STR_INIT;
			links_describe_ports(links, &there);
			return err_set(err, "there is no interface %s; this node has %s", text,
				       str_text(&there));
		}
		/* Checked with the configuration; what it means is known only here. */
		if (text_equal(link->name, "boot0"))
			return err_set(err, "%s is boot0, which the node is reached by", text);
		if (link->master != 0 && (bond == NULL || link->master != bond->index))
			return err_set(err, "interface %s is a port of %s already", link->name,
				       links_find_index(links, link->master)
					       ? links_find_index(links, link->master)->name
					       : "another");
	}
	return 0;
}

static bool is_wanted(const struct links *links, const struct bond *want, const struct link *port)
{
	for (size_t i = 0; i < want->links.count; i++)
		if (find_link(links, want->links.items[i]) == port)
			return true;
	return false;
}

/* The kernel takes another mode or rate only of an empty bond that is down. */
static int change_bond(const struct links *links, const struct bond *want, const struct link *bond,
		       struct err *err)
{
	bool fast = text_equal(want->lacp_rate, "fast");
	bool anew = !text_equal(bond->bond_mode, want->mode) ||
		    (text_equal(want->mode, "802.3ad") && bond->bond_fast != fast);
	for (size_t i = 0; i < links->count; i++) {
		const struct link *port = &links->items[i];
		if (port->master == bond->index && (anew || !is_wanted(links, want, port)) &&
		    link_set_master(port->index, 0, err) != 0)
			return -1;
	}
	if (!anew && bond->bond_miimon_ms == want->miimon_ms)
		return 0;
	if (anew && link_set_down(bond->index, err) != 0)
		return -1;
	return link_change_bond(bond->index, want->mode, want->miimon_ms, fast, err);
}

/* The bond is as wanted but for its ports. */
static int join_links(struct node *node, const struct bond *want, struct err *err)
{
	node_forget(node);
	const struct links *links = links_get(node, err);
	const struct link *bond = links ? links_find(links, want->name) : NULL;
	if (links == NULL)
		return -1;
	if (bond == NULL)
		return err_set(err, "there is no interface %s", want->name);
	for (size_t i = 0; i < want->links.count; i++) {
		const struct link *port = find_link(links, want->links.items[i]);
		if (port == NULL)
			return err_set(err, "there is no interface %s", want->links.items[i]);
		if (port->master == bond->index)
			continue;
		/* It takes in only what is down, and takes it up itself. */
		if ((port->up && link_set_down(port->index, err) != 0) ||
		    link_set_master(port->index, bond->index, err) != 0)
			return err_context(err, "%s", port->name);
	}
	/* The kernel hands it on to the ports. */
	if (bond->mtu != want->mtu && link_set_mtu(bond->index, want->mtu, err) != 0)
		return -1;
	return bond->up ? 0 : link_set_up(bond->index, err);
}

static int bond_apply(struct node *node, const struct step *step, struct err *err)
{
	const struct bond *want = step->want->body;
	const struct text_list none = TEXT_LIST_INIT;
	const struct networkd_link text = {
		.name = want->name, .kind = "bond", .mtu = want->mtu, .addresses = &none
	};
	const struct links *links = links_get(node, err);
	if (links == NULL)
		return -1;
	const struct link *bond = links_find(links, want->name);
	if (bond != NULL && networkd_check_ours("bond", bond, err) != 0)
		return -1;
	if (check_links(links, want, bond, err) != 0)
		return -1;
	/* The mark comes first: after a crash there is no interface without an owner. A bond that
	   is there has it, and networkd, once told, would take up what has to be down for another
	   mode: it is told afterwards. */
	bool there = bond != NULL;
	if (there && change_bond(links, want, bond, err) != 0)
		return -1;
	if (networkd_configure(&text, there, err) != 0)
		return -1;
	if (!there && link_create_bond(want->name, want->mode, want->miimon_ms,
				       text_equal(want->lacp_rate, "fast"), err) != 0)
		return -1;
	return join_links(node, want, err) == 0 ? networkd_wait(want->name, err) : -1;
}

static int bond_remove(struct node *node, const char *id, struct err *err)
{
	(void)node;
	/* The mark goes last, see networkd_forget(). Its interfaces are free then, and down. */
	return link_delete(id, err) == 0 ? networkd_forget(id, err) : -1;
}

const struct kind_node bond_node = {
	.name = "bond",
	.list = bond_list,
	.observe = bond_observe,
	.apply = bond_apply,
	.remove = bond_remove,
	.settle_ms = SETTLE_MS,
};
