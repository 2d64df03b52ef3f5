/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "model/check.h"
#include "model/ip.h"

static void check_address6(struct check *check, const struct node_address *address,
			   const char *what)
{
	const struct network *network = address->network;
	struct ip_subnet subnet;
	struct ip ip;
	if (address->address6 == NULL || !ip_parse(address->address6, &ip))
		return;
	if (network->cidr6 == NULL)
		mistake_add(check->mistakes, address->place,
			    "%s: network \"%s\" has no cidr6; add it, or take the address out",
			    what, network->name);
	else if (ip_parse_subnet(network->cidr6, &subnet) && !ip_in(&subnet, &ip))
		mistake_add(check->mistakes, address->place,
			    "%s: %s is not in %s; choose an address in it", what, address->address6,
			    network->cidr6);
	else if (memcmp(ip.bytes, subnet.address.bytes, sizeof(ip.bytes)) == 0)
		mistake_add(check->mistakes, address->place,
			    "%s: %s is the network's own address; choose one after it", what,
			    address->address6);
}

/* Who has an address. */
struct owner {
	const struct site_node *node;
	const struct node_address *address;
};

/* One of the two of `owner`: nobody else has it. */
static void check_only_owner(struct check *check, struct map *owners, struct owner *owner,
			     const char *text, const char *what)
{
	const struct owner *other = text ? map_put(owners, text, owner) : NULL;
	struct place place = owner->address->place;
	if (other == NULL)
		return;
	AUTO_FREE char *where = check_place_text(other->address->place, place);
	mistake_add(check->mistakes, place, "%s: %s is also node \"%s\"'s (%s); choose another",
		    what, text, other->node->name, where);
}

static void check_address(struct check *check, struct map *owners, struct owner *owner)
{
	const struct site_node *node = owner->node;
	const struct node_address *address = owner->address;
	AUTO_FREE char *what =
		xasprintf("node \"%s\": addresses: %s", node->name, address->network->name);
	check_in_network(check, address->place, what, address->network, address->address);
	check_address6(check, address, what);
	if (text_equal(address->address, check->site->boot_server) && !role_is_frontend(node->role))
		mistake_add(check->mistakes, address->place,
			    "%s: %s is the boot server's; choose another", what, address->address);
	check_only_owner(check, owners, owner, address->address, what);
	check_only_owner(check, owners, owner, address->address6, what);
}

/* Who has an address by a resource. */
struct holder {
	const struct site_node *node;
	const struct spec *want;
	size_t item;
};

static struct place holder_place(const struct holder *holder)
{
	return place_of_item(holder->want->place, "addresses", holder->item);
}

static void collect(const struct site_node *node, const struct spec_list *wants,
		    struct text_list *keys, struct holder **holders)
{
	for (size_t i = 0; wants && i < wants->count; i++) {
		const struct spec *want = &wants->items[i];
		size_t before = keys->count;
		if (want->kind->addresses == NULL || want->broken)
			continue;
		want->kind->addresses(node, want, keys);
		for (size_t j = before; j < keys->count; j++) {
			if ((j & (j - 1)) == 0)
				*holders = xrealloc(*holders, j ? j * 2 : 1, sizeof(**holders));
			(*holders)[j] = (struct holder){ node, want, j - before };
		}
	}
}

static void add_held_twice(struct check *check, const char *key, const struct holder *holder,
			   const struct holder *other)
{
	AUTO_FREE char *where = check_place_text(holder_place(other), holder_place(holder));
	mistake_add(check->mistakes, holder_place(holder),
		    "%s %s: addresses: %s is also node \"%s\"'s, by %s %s (%s); choose another",
		    holder->want->kind->name, holder->want->id, strchr(key, ' ') + 1,
		    other->node->name, other->want->kind->name, other->want->id, where);
}

/* Those that nodes have by resources of their own and of their roles, beside the networks'. */
void check_held(struct check *check)
{
	const struct site *site = check->site;
	AUTO_LIST struct text_list keys = TEXT_LIST_INIT;
	struct holder *holders = NULL;
	struct map by_address = MAP_INIT;
	const struct spec *said = NULL;
	for (size_t i = 0; i < site->node_count; i++) {
		const struct site_node *node = &site->nodes[i];
		collect(node, &node->wants, &keys, &holders);
		if (node->role != NULL)
			collect(node, node->role->wants, &keys, &holders);
	}
	for (size_t i = 0; i < keys.count; i++) {
		const struct holder *holder = &holders[i];
		const struct holder *other =
			keys.items[i][0] ? map_put(&by_address, keys.items[i], &holders[i]) : NULL;
		/* Twice in one list the kind says itself; a role's, which all its nodes have, once. */
		if (other == NULL || (other->node == holder->node && other->want == holder->want) ||
		    (other->want == holder->want && said == holder->want))
			continue;
		add_held_twice(check, keys.items[i], holder, other);
		said = holder->want;
	}
	map_free(&by_address);
	free(holders);
}

void check_addresses(struct check *check)
{
	const struct site *site = check->site;
	size_t count = 0;
	size_t used = 0;
	for (size_t i = 0; i < site->node_count; i++)
		count += site->nodes[i].address_count;
	struct owner *owners = xcalloc(count, sizeof(*owners));
	struct map by_address = MAP_INIT;
	for (size_t i = 0; i < site->node_count; i++) {
		const struct site_node *node = &site->nodes[i];
		for (size_t j = 0; j < node->address_count; j++) {
			owners[used] = (struct owner){ node, &node->addresses[j] };
			check_address(check, &by_address, &owners[used++]);
		}
		if (site->boot_network != NULL && site_find_network(site, site->boot_network) &&
		    site_node_boot_address(site, node) == NULL && !node->addresses_broken)
			mistake_add(check->mistakes, node->place,
				    "node \"%s\": has no address on the boot network; add %s to "
				    "its addresses",
				    node->name, site->boot_network);
	}
	map_free(&by_address);
	free(owners);
}
