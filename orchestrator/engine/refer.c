/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/refer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A site of thousands of nodes would fill the screen with each mistake. */
enum { CHOICES_SAID = 40 };

const struct spec *refer_find(const struct site_node *node, const char *kind, const char *id)
{
	const struct spec *found = spec_list_find(&node->wants, kind, id);
	if (found == NULL && node->role != NULL && node->role->wants != NULL)
		found = spec_list_find(node->role->wants, kind, id);
	return found;
}

static const void *value(const struct spec *spec, const char *name, const struct field **field)
{
	*field = field_find(spec->kind->fields, name);
	if (*field == NULL)
		abort();
	return (const char *)spec->body + (*field)->offset;
}

const char *refer_text(const struct spec *spec, const char *name)
{
	const struct field *field;
	char *const *text = value(spec, name, &field);
	if (field->type > FIELD_MAC)
		abort();
	return *text;
}

uint64_t refer_number(const struct spec *spec, const char *name)
{
	const struct field *field;
	const uint64_t *number = value(spec, name, &field);
	if (field->type < FIELD_BYTES || field->type > FIELD_NUMBER)
		abort();
	return *number;
}

const struct text_list *refer_list(const struct spec *spec, const char *name)
{
	const struct field *field;
	const struct text_list *list = value(spec, name, &field);
	if (field->type != FIELD_LIST)
		abort();
	return list;
}

/* instead: what stands in place of those of the list with the same name. */
static void each_of(const struct spec_list *list, const struct spec_list *instead, const char *kind,
		    void (*call)(const struct spec *, void *context), void *context)
{
	for (size_t i = 0; list != NULL && i < list->count; i++)
		if (strcmp(list->items[i].kind->name, kind) == 0 &&
		    (instead == NULL || spec_list_find(instead, kind, list->items[i].id) == NULL))
			call(&list->items[i], context);
}

void refer_each(const struct site_node *node, const char *kind,
		void (*call)(const struct spec *, void *context), void *context)
{
	each_of(node->role ? node->role->wants : NULL, &node->wants, kind, call, context);
	each_of(&node->wants, NULL, kind, call, context);
}

struct earlier {
	const struct spec *want;
	bool (*same)(const struct spec *, const struct spec *);
	const struct spec *found;
	bool past;
};

static void look_for_earlier(const struct spec *spec, void *context)
{
	struct earlier *earlier = context;
	if (text_equal(spec->id, earlier->want->id))
		earlier->past = true;
	else if (!earlier->past && earlier->found == NULL && earlier->same(spec, earlier->want))
		earlier->found = spec;
}

const struct spec *refer_earlier(const struct site_node *node, const struct spec *want,
				 bool (*same)(const struct spec *, const struct spec *))
{
	struct earlier earlier = { .want = want, .same = same };
	refer_each(node, want->kind->name, look_for_earlier, &earlier);
	return earlier.found;
}

static void add_name(const struct spec *spec, void *context)
{
	text_list_add(context, spec->id);
}

/* One of `count` names; of many only the first ones are said. */
static void add_quoted(const char *name, size_t i, size_t count, struct str *out)
{
	if (i < CHOICES_SAID)
		str_addf(out, "%s\"%s\"", i ? ", " : "", name);
	else if (i == CHOICES_SAID)
		str_addf(out, ", … (%zu in all)", count);
}

void refer_choices(const struct site_node *node, const char *kind, struct str *out)
{
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	refer_each(node, kind, add_name, &names);
	const char *section = kind_find(kind)->section;
	if (names.count == 0) {
		str_addf(out, "; %s has no %s", node->name, section);
		return;
	}
	str_addf(out, "; %s of %s: ", section, node->name);
	for (size_t i = 0; i < names.count; i++)
		add_quoted(names.items[i], i, names.count, out);
}

void refer_nodes(const struct site *site, struct str *out)
{
	str_add(out, "; nodes: ");
	for (size_t i = 0; i < site->node_count && i <= CHOICES_SAID; i++)
		add_quoted(site->nodes[i].name, i, site->node_count, out);
}

void refer_networks(const struct site *site, struct str *out)
{
	str_add(out, "; networks: ");
	for (size_t i = 0; i < site->network_count && i <= CHOICES_SAID; i++)
		add_quoted(site->networks[i].name, i, site->network_count, out);
}

void refer_check_package(const struct site_node *node, const struct spec *want, const char *package,
			 const char *what, struct mistakes *mistakes)
{
	if (node->role != NULL && !text_list_has(&node->role->packages, package))
		mistake_add(
			mistakes, want->place,
			"%s \"%s\": role \"%s\" has no package %s, which %s needs; add it to the "
			"role's packages",
			want->kind->name, want->id, node->role->name, package, what);
}

void refer_check_network(const struct site *site, const struct site_node *node, const char *network,
			 struct place place, const char *what, struct mistakes *mistakes)
{
	if (network == NULL)
		return;
	if (site_find_network(site, network) == NULL) {
		AUTO_STR struct str known = STR_INIT;
		refer_networks(site, &known);
		mistake_add(mistakes, place, "%s: there is no network \"%s\"%s", what, network,
			    str_text(&known));
	} else if (site_node_address(node, network) == NULL && !node->addresses_broken) {
		mistake_add(mistakes, place,
			    "%s: %s has no address on network \"%s\"; add it to its addresses",
			    what, node->name, network);
	}
}

struct bridge_search {
	const char *network;
	const struct spec *found;
};

static void match_bridge(const struct spec *spec, void *context)
{
	struct bridge_search *search = context;
	if (text_equal(refer_text(spec, "network"), search->network))
		search->found = spec;
}

const struct spec *refer_bridge(const struct site_node *node, const char *network)
{
	struct bridge_search search = { .network = network };
	if (network != NULL)
		refer_each(node, "bridge", match_bridge, &search);
	return search.found;
}

const char *refer_uplink(const struct site_node *node)
{
	return node->uplink ? node->uplink : "boot0";
}

bool refer_has_vlan(const struct site_node *node, const struct network *network)
{
	return network->vlan != 0 && (site_node_address(node, network->name) != NULL ||
				      refer_bridge(node, network->name) != NULL);
}

uint64_t refer_mtu(const struct site *site, const struct site_node *node, const char *link)
{
	static const char *const KINDS[] = { "vlan", "bond", "port" };
	bool boots = text_equal(link, "boot0");
	const struct spec *bridge = refer_find(node, "bridge", link);
	const char *name = bridge  ? refer_text(bridge, "network")
			   : boots ? site->boot_network
				   : link;
	const struct network *network = name ? site_find_network(site, name) : NULL;
	for (size_t i = 0; i < COUNT_OF(KINDS); i++) {
		const struct spec *spec = refer_find(node, KINDS[i], link);
		if (spec != NULL)
			return refer_number(spec, "mtu");
	}
	return network && (boots || refer_has_vlan(node, network)) ? network->mtu : FIELD_UNSET;
}

void refer_check_carries(const struct site *site, const struct site_node *node,
			 const struct spec *want, struct mistakes *mistakes)
{
	uint64_t mtu = refer_number(want, "mtu");
	for (size_t i = 0; text_equal(refer_uplink(node), want->id) && i < site->network_count;
	     i++) {
		const struct network *network = &site->networks[i];
		if (refer_has_vlan(node, network) && network->mtu != FIELD_UNSET &&
		    network->mtu > mtu)
			mistake_add(mistakes, place_of(want->place, "mtu"),
				    "%s %s: mtu %" PRIu64 " is smaller than %" PRIu64
				    ", that of network %s, which it carries",
				    want->kind->name, want->id, mtu, network->mtu, network->name);
	}
}

static void add_address(const char *address, const char *cidr, struct text_list *out)
{
	const char *prefix = cidr ? strchr(cidr, '/') : NULL;
	if (address != NULL && prefix != NULL)
		text_list_take(out, xasprintf("%s%s", address, prefix));
}

void refer_addresses(const struct site_node *node, const struct network *network,
		     struct text_list *out)
{
	add_address(site_node_address(node, network->name), network->cidr, out);
	add_address(site_node_address6(node, network->name), network->cidr6, out);
}

static const char *router(const struct site *site, const struct site_node *node,
			  const struct network *network,
			  const char *(*address)(const struct site_node *, const char *))
{
	const struct site_node *gateway =
		network->gateway ? site_find_node(site, network->gateway) : NULL;
	if (gateway == NULL || gateway == node || address(node, network->name) == NULL)
		return NULL;
	return address(gateway, network->name);
}

const char *refer_router(const struct site *site, const struct site_node *node,
			 const struct network *network)
{
	return router(site, node, network, site_node_address);
}

const char *refer_router6(const struct site *site, const struct site_node *node,
			  const struct network *network)
{
	return router(site, node, network, site_node_address6);
}

char *refer_link(const struct site *site, const struct site_node *node, const char *network)
{
	const struct network *found = network ? site_find_network(site, network) : NULL;
	if (found == NULL || found->vlan == 0)
		return NULL;
	const struct spec *bridge = refer_bridge(node, network);
	return xstrdup(bridge ? bridge->id : found->name);
}

void refer_links(const struct site *site, const struct site_node *node, const struct spec *spec,
		 struct text_list *links)
{
	AUTO_LIST struct text_list networks = TEXT_LIST_INIT;
	text_list_add(&networks, refer_text(spec, "network"));
	text_list_copy(&networks, refer_list(spec, "more_networks"));
	for (size_t i = 0; i < networks.count; i++) {
		char *link = refer_link(site, node, networks.items[i]);
		if (link != NULL)
			text_list_take(links, link);
	}
}

void refer_need_link(struct refs *refs, const char *link)
{
	if (link == NULL)
		return;
	refs_add(refs, NULL, "vlan", link);
	refs_add(refs, NULL, "bridge", link);
	refs_add(refs, NULL, "port", link);
	refs_add(refs, NULL, "bond", link);
}

void refer_need_links(struct refs *refs, const struct text_list *links)
{
	for (size_t i = 0; i < links->count; i++)
		refer_need_link(refs, links->items[i]);
}
