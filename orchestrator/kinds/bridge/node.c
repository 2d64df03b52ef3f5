/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "engine/plan.h"
#include "kinds/bridge/spec.h"
#include "system/links.h"
#include "system/networkd.h"
#include "system/node.h"

enum { SETTLE_MS = 20000 }; /* udev and networkd, in software emulation */

static int bridge_list(struct node *node, struct text_list *owned, struct err *err)
{
	(void)node;
	return networkd_list("bridge", owned, err);
}

/* Guests' interfaces are ports too: the one of ours is the wanted one if it is in
   the bridge, else the first vlan that is. */
static const char *port_of(const struct links *links, const struct link *bridge,
			   const struct bridge *want)
{
	const char *first = NULL;
	for (size_t i = 0; i < links->count; i++) {
		const struct link *link = &links->items[i];
		if (link->master != bridge->index || !text_equal(link->kind, "vlan"))
			continue;
		if (want != NULL && text_equal(link->name, want->port))
			return link->name;
		if (first == NULL)
			first = link->name;
	}
	return first;
}

static int bridge_observe(struct node *node, const char *id, const struct spec *want,
			  struct spec *have, bool *found, struct err *err)
{
	struct bridge *body = have->body;
	const struct bridge *wanted = want ? want->body : NULL;
	bool owned;
	const struct links *links = links_get(node, err);
	if (links == NULL || networkd_owns("bridge", id, &owned, err) != 0)
		return -1;
	const struct link *link = links_find(links, id);
	*found = false;
	if (link == NULL)
		return 0;
	body->name = xstrdup(id);
	body->mtu = link->mtu;
	body->port = xstrdup(port_of(links, link, wanted));
	const struct interface_seen seen = {
		.addresses = &link->addresses,
		.gateway = link->gateway,
		.gateway6 = link->gateway6,
		.up = link->up,
	};
	interface_observe(wanted ? &wanted->own : NULL, &seen, &body->own);
	/* A port is not compared where none is wanted. */
	if (wanted != NULL && wanted->port == NULL && body->port != NULL) {
		free(body->own.undeclared);
		body->own.undeclared = xstrdup("some");
	}
	body->filtering = xstrdup(link->filters ? "on" : "off");
	if (!owned || !text_equal(link->kind, "bridge"))
		body->foreign = xstrdup(link_kind_text(link));
	/* Without the mark it is refused, and not ours even if it is as wanted. */
	*found = body->foreign == NULL;
	return 0;
}

/*
 * The same at every boot, another one on every node. udev's would come from the
 * machine id; the kernel's own would change with the ports.
 */
static int make_mac(const struct node *node, const char *name, uint8_t mac[6], struct err *err)
{
	AUTO_FREE char *text = xasprintf("bridge %s/%s/%s", node->site, node->name, name);
	char hex[HASH_HEX_SIZE];
	if (hash_bytes_hex(text, strlen(text), hex, err) != 0)
		return -1;
	for (size_t i = 0; i < 6; i++) {
		char byte[3] = { hex[2 * i], hex[2 * i + 1], '\0' };
		mac[i] = (uint8_t)strtoul(byte, NULL, 16);
	}
	mac[0] = (uint8_t)((mac[0] & 0xfc) | 2); /* locally administered, unicast */
	return 0;
}

/* After the bridge is there: its port, if it has one, and no other vlan. */
static int join_port(struct node *node, const struct bridge *want, struct err *err)
{
	node_forget(node);
	const struct links *links = links_get(node, err);
	if (links == NULL)
		return -1;
	const struct link *bridge = links_find(links, want->name);
	const struct link *port = want->port ? links_find(links, want->port) : NULL;
	if (bridge == NULL || (want->port != NULL && port == NULL))
		return err_set(err, "there is no interface %s", bridge ? want->port : want->name);
	if (port != NULL && !bridge->filters && link_set_filtering(bridge->index, err) != 0)
		return -1;
	for (size_t i = 0; i < links->count; i++) {
		const struct link *link = &links->items[i];
		if (link != port && link->master == bridge->index &&
		    text_equal(link->kind, "vlan") && link_set_master(link->index, 0, err) != 0)
			return -1;
	}
	if (port != NULL && port->master != bridge->index &&
	    link_set_master(port->index, bridge->index, err) != 0)
		return -1;
	return bridge->up ? 0 : link_set_up(bridge->index, err);
}

static int bridge_apply(struct node *node, const struct step *step, struct err *err)
{
	const struct bridge *want = step->want->body;
	const struct networkd_link text = {
		.name = want->name,
		.kind = "bridge",
		.mtu = want->mtu,
		.addresses = &want->own.addresses,
		.gateway = want->own.gateway,
		.gateway6 = want->own.gateway6,
	};
	const struct links *links = links_get(node, err);
	if (links == NULL)
		return -1;
	const struct link *link = links_find(links, want->name);
	if (link != NULL && networkd_check_ours("bridge", link, err) != 0)
		return -1;
	/* The mark comes first: after a crash there is no interface without an owner. */
	if (networkd_configure(&text, link != NULL, err) != 0)
		return -1;
	uint8_t mac[6];
	if (link == NULL && (make_mac(node, want->name, mac, err) != 0 ||
			     link_create_bridge(want->name, mac, want->port != NULL, err) != 0))
		return -1;
	return join_port(node, want, err) == 0 ? networkd_wait(want->name, err) : -1;
}

static int bridge_remove(struct node *node, const char *id, struct err *err)
{
	(void)node;
	/* The mark goes last, see networkd_forget(). */
	return link_delete(id, err) == 0 ? networkd_forget(id, err) : -1;
}

const struct kind_node bridge_node = {
	.name = "bridge",
	.list = bridge_list,
	.observe = bridge_observe,
	.apply = bridge_apply,
	.remove = bridge_remove,
	.settle_ms = SETTLE_MS,
};
