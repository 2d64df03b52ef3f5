/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/check.h"
#include "model/text_check.h"

char *check_place_text(struct place place, struct place seen_from)
{
	if (place.file == seen_from.file)
		return xasprintf("line %u", place.line);
	return xasprintf("%s:%u", place.file, place.line);
}

static void check_globals(struct check *check)
{
	const struct site *site = check->site;
	if (site->domain != NULL && !text_is_domain(site->domain))
		mistake_add(check->mistakes, site->domain_place,
			    "domain: \"%.80s\" is not a DNS domain; write it like "
			    "\"demo.example\"",
			    site->domain);
	if (site->mirror != NULL && !text_is_url(site->mirror))
		mistake_add(check->mistakes, site->mirror_place,
			    "mirror: \"%.80s\" is not a URL; write it like "
			    "\"http://mirror.example/debian\"",
			    site->mirror);
}

/* networkd gives each interface its default route, and of two alike the later replaces the
   other. The boot network's comes by DHCP, with another metric. */
static void check_routers(struct check *check, const struct site_node *node)
{
	const struct network *first = NULL;
	for (size_t i = 0; i < node->address_count; i++) {
		const struct network *network = node->addresses[i].network;
		if (network->gateway == NULL || network->vlan == 0 ||
		    text_equal(network->gateway, node->name))
			continue;
		if (first == NULL)
			first = network;
		else
			mistake_add(
				check->mistakes, node->addresses[i].place,
				"node \"%s\": addresses: %s has a gateway, and so has %s; a node "
				"has one default route: take out one gateway or one address",
				node->name, network->name, first->name);
	}
}

/* A kind's tools are in the image only when the role says so. */
static void check_packages(struct check *check, const struct role *role,
			   const struct spec_list *wants)
{
	const struct kind_spec *said = NULL;
	for (size_t i = 0; role != NULL && !role->broken && i < wants->count; i++) {
		const struct spec *want = &wants->items[i];
		const char *package = want->kind->package;
		if (package == NULL || want->kind == said ||
		    text_list_has(&role->packages, package))
			continue;
		mistake_add(check->mistakes, want->place,
			    "%s \"%s\": role \"%s\" has no package %s, without which nodes have no "
			    "%s; add it to the role's packages, or choose another role",
			    want->kind->name, want->id, role->name, package, want->kind->section);
		said = want->kind;
	}
}

static void check_wants(struct check *check, const struct site_node *node)
{
	check_packages(check, node->role, &node->wants);
	for (size_t j = 0; j < node->wants.count; j++) {
		const struct spec *want = &node->wants.items[j];
		if (want->kind->check != NULL && !want->broken)
			want->kind->check(check->site, node, want, check->mistakes);
	}
}

static void check_nodes(struct check *check)
{
	const struct site *site = check->site;
	for (size_t i = 0; i < site->node_count; i++) {
		const struct site_node *node = &site->nodes[i];
		if (text_equal(node->name, "localhost"))
			mistake_add(
				check->mistakes, place_of(node->place, "name"),
				"node \"localhost\": is what every machine calls itself; choose "
				"another name");
		check_routers(check, node);
		check_wants(check, node);
	}
}

static bool has_expanded(const struct site_node *node)
{
	for (size_t i = 0; i < node->wants.count; i++)
		if (node->wants.items[i].cluster != NULL)
			return true;
	return false;
}

/* What was declared had no mistakes; it may have some beside what was added. */
void check_expanded(struct site *site, struct mistakes *mistakes)
{
	struct check check = { site, mistakes };
	for (size_t i = 0; i < site->node_count; i++)
		if (has_expanded(&site->nodes[i]))
			check_wants(&check, &site->nodes[i]);
}

static bool is_program(const char *text)
{
	return text_equal(text, "moyai") || text_equal(text, "moyaid");
}

static void check_role(struct check *check, const struct role *role)
{
	for (size_t i = 0; i < role->programs.count; i++)
		if (!is_program(role->programs.items[i]))
			mistake_add(check->mistakes, role->place,
				    "role \"%s\": programs: \"%.80s\" is not valid; write "
				    "\"moyai\" or \"moyaid\"",
				    role->name, role->programs.items[i]);
	if (text_starts(role->name, "base-"))
		mistake_add(
			check->mistakes, role->place,
			"role \"%s\": names that start with \"base-\" are for the folders of base "
			"images; choose another",
			role->name);
}

/* A role's resources are checked once, as those of a node that has nothing else. */
static void check_role_wants(struct check *check, struct role *role)
{
	struct site_node bare = {
		.name = role->name, .role_name = role->name, .role = role, .place = role->place
	};
	const struct site_node *node = &bare;
	for (size_t i = 0; i < check->site->node_count && node == &bare; i++)
		if (check->site->nodes[i].role == role)
			node = &check->site->nodes[i];
	check_packages(check, role, role->wants);
	for (size_t i = 0; i < role->wants->count; i++) {
		const struct spec *want = &role->wants->items[i];
		if (want->kind->check != NULL && !want->broken)
			want->kind->check(check->site, node, want, check->mistakes);
	}
}

void check_site(struct site *site, struct mistakes *mistakes)
{
	struct check check = { site, mistakes };
	check_globals(&check);
	check_boot(&check);
	check_networks(&check);
	check_addresses(&check);
	check_held(&check);
	check_nodes(&check);
	check_guests(&check);
	check_clusters(&check);
	check_allocations(&check);
	check_bmcs(site, mistakes);
	check_consents(site, mistakes);
	check_kernel_arguments(site, mistakes);
	/* What is composed has mistakes of its parts alone, which were looked at. */
	for (size_t i = 0; i < site->roles.count; i++) {
		if (site->roles.items[i].composed)
			continue;
		check_role(&check, &site->roles.items[i]);
		check_role_wants(&check, &site->roles.items[i]);
	}
}
