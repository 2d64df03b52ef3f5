/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "engine/plan.h"
#include "kinds/port/spec.h"
#include "system/links.h"
#include "system/networkd.h"
#include "system/node.h"

enum { SETTLE_MS = 20000 }; /* udev and networkd, in software emulation */

static int port_list(struct node *node, struct text_list *owned, struct err *err)
{
	(void)node;
	return networkd_list("port", owned, err);
}

/* Why the interface cannot be a port of ours, a copy; NULL: it can. */
static char *why_not(const struct links *links, const struct link *link, const char *name,
		     bool owned)
{
	AUTO_STR struct str there = STR_INIT;
	if (link == NULL) {
		links_describe_ports(links, &there);
		return xasprintf("there is no interface %s; this node has %s", name,
				 str_text(&there));
	}
	if (text_equal(link->kind, "vlan") || text_equal(link->kind, "bridge") ||
	    text_equal(link->kind, "bond"))
		return xasprintf("interface %s is %s, and no port of the machine", name,
				 link_kind_text(link));
	if (link->master != 0) {
		const struct link *master = links_find_index(links, link->master);
		return xasprintf("interface %s is a port of %s already", name,
				 master ? master->name : "another");
	}
	if (!owned && link->addresses.count > 0)
		return xasprintf("interface %s has the address %s, which is not Moyai's", name,
				 link->addresses.items[0]);
	return NULL;
}

static int port_observe(struct node *node, const char *id, const struct spec *want,
			struct spec *have, bool *found, struct err *err)
{
	const struct port *wanted = want ? want->body : NULL;
	struct port *body = have->body;
	struct interface_seen seen = { 0 };
	bool owned;
	const struct links *links = links_get(node, err);
	if (links == NULL || networkd_owns("port", id, &owned, err) != 0 ||
	    networkd_asks_dhcp(id, &seen.dhcp, err) != 0)
		return -1;
	const struct link *link = links_find(links, id);
	body->foreign = why_not(links, link, id, owned);
	/* What has no file of ours is not ours, even if it is as wanted. */
	*found = owned && link != NULL;
	if (!*found)
		return 0;
	body->name = xstrdup(id);
	body->mtu = link->mtu;
	seen.addresses = &link->addresses;
	seen.gateway = link->gateway;
	seen.gateway6 = link->gateway6;
	seen.up = link->up;
	interface_observe(wanted ? &wanted->own : NULL, &seen, &body->own);
	return 0;
}

static int port_apply(struct node *node, const struct step *step, struct err *err)
{
	const struct port *want = step->want->body;
	const struct networkd_link text = {
		.name = want->name,
		.kind = "port",
		.mtu = want->mtu,
		.addresses = &want->own.addresses,
		.gateway = want->own.gateway,
		.gateway6 = want->own.gateway6,
		.dhcp = want->own.dhcp == 1,
	};
	bool owned;
	const struct links *links = links_get(node, err);
	if (links == NULL || networkd_owns("port", want->name, &owned, err) != 0)
		return -1;
	const struct link *link = links_find(links, want->name);
	AUTO_FREE char *why = why_not(links, link, want->name, owned);
	if (why != NULL)
		return err_set(err, "%s", why);
	if (networkd_configure(&text, true, err) != 0 ||
	    (!link->up && link_set_up(link->index, err) != 0))
		return -1;
	return networkd_wait(want->name, err);
}

/* networkd leaves what it configured to an interface that it is told nothing of any more: first it
   is told to have nothing there. The mark goes last, see networkd_forget(). */
static int port_remove(struct node *node, const char *id, struct err *err)
{
	const struct text_list none = TEXT_LIST_INIT;
	const struct links *links = links_get(node, err);
	if (links == NULL)
		return -1;
	const struct link *link = links_find(links, id);
	if (link != NULL) {
		const struct networkd_link empty = {
			.name = id, .kind = "port", .mtu = link->mtu, .addresses = &none
		};
		if (networkd_configure(&empty, true, err) != 0 || networkd_wait(id, err) != 0 ||
		    link_set_down(link->index, err) != 0)
			return -1;
	}
	return networkd_forget(id, err);
}

const struct kind_node port_node = {
	.name = "port",
	.list = port_list,
	.observe = port_observe,
	.apply = port_apply,
	.remove = port_remove,
	.settle_ms = SETTLE_MS,
};
