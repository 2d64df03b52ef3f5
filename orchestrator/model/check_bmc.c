/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <string.h>

#include "base/map.h"
#include "model/read.h"

/* It becomes an argument of ipmitool, and "USER:PASSWORD" of HTTP. */
static bool is_user(const char *text)
{
	if (*text == '-')
		return false;
	for (; *text; text++)
		if (!isgraph((unsigned char)*text) || *text == ':' || *text == '"' || *text == '\\')
			return false;
	return true;
}

/* As curl's --pinnedpubkey wants it: base64 of 32 bytes. */
static bool is_pin(const char *text)
{
	static const char HEAD[] = "sha256//";
	static const char DIGITS[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	enum { BASE64_LENGTH = 44 };
	if (!text_starts(text, HEAD))
		return false;
	text += strlen(HEAD);
	return strlen(text) == BASE64_LENGTH && strspn(text, DIGITS) == BASE64_LENGTH - 1 &&
	       text_ends(text, "=");
}

static bool is_system(const char *text)
{
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && strchr("-_.:", *text) == NULL)
			return false;
	return true;
}

static void check_fields(const struct site_node *node, struct mistakes *mistakes)
{
	const struct site_bmc *bmc = &node->bmc;
	bool ipmi = strcmp(bmc->type, "ipmi") == 0;
	const char *foreign = !ipmi && bmc->cipher  ? "cipher"
			      : ipmi && bmc->pin    ? "pin"
			      : ipmi && bmc->system ? "system"
						    : NULL;
	if (foreign != NULL)
		mistake_add(mistakes, place_of(bmc->place, foreign),
			    "node \"%s\": bmc: %s is for %s; take it out", node->name, foreign,
			    ipmi ? "redfish" : "ipmi");
	if (bmc->user != NULL && !is_user(bmc->user))
		mistake_add(mistakes, place_of(bmc->place, "user"),
			    "node \"%s\": bmc: user: \"%s\" is not valid; letters and digits, "
			    "without blanks, quotes and colons",
			    node->name, bmc->user);
	if (bmc->pin != NULL && !is_pin(bmc->pin))
		mistake_add(mistakes, place_of(bmc->place, "pin"),
			    "node \"%s\": bmc: pin: \"%s\" is not valid; write \"sha256//\" and "
			    "the 44 characters of base64",
			    node->name, bmc->pin);
	if (bmc->system != NULL && !is_system(bmc->system))
		mistake_add(mistakes, place_of(bmc->place, "system"),
			    "node \"%s\": bmc: system: \"%s\" is not valid; write the Id alone, "
			    "like \"1\"",
			    node->name, bmc->system);
}

/* Several nodes may share a chassis manager: what tells them apart is port or system. */
static bool same_board(const struct site_bmc *a, const struct site_bmc *b)
{
	return a->port == b->port && text_equal(a->type, b->type) &&
	       text_equal(a->system, b->system);
}

static void check_address(const struct site_node *node, const char *boot_server, struct map *owners,
			  struct map *boards, struct mistakes *mistakes)
{
	const struct site_bmc *bmc = &node->bmc;
	const struct site_node *owner = map_get(owners, bmc->address);
	struct site_node *other = map_put(boards, bmc->address, (void *)(size_t)node);
	if (owner != NULL)
		mistake_add(mistakes, place_of(bmc->place, "address"),
			    "node \"%s\": bmc: address: %s is node \"%s\"'s; a BMC has an address "
			    "of its own",
			    node->name, bmc->address, owner->name);
	if (text_equal(bmc->address, boot_server))
		mistake_add(mistakes, place_of(bmc->place, "address"),
			    "node \"%s\": bmc: address: %s is the boot server's; a BMC has an "
			    "address of its own",
			    node->name, bmc->address);
	if (other != NULL && same_board(bmc, &other->bmc))
		mistake_add(mistakes, place_of(bmc->place, "address"),
			    "node \"%s\": bmc: address: %s is also that of node \"%s\"'s BMC; it "
			    "would switch the other machine",
			    node->name, bmc->address, other->name);
}

void check_bmcs(const struct site *site, struct mistakes *mistakes)
{
	struct map owners = MAP_INIT;
	struct map boards = MAP_INIT;
	AUTO_LIST struct text_list held = TEXT_LIST_INIT;
	for (size_t i = 0; i < site->node_count; i++) {
		struct site_node *node = &site->nodes[i];
		for (size_t j = 0; j < node->address_count; j++)
			map_put(&owners, node->addresses[j].address, node);
		for (size_t j = 0; j < node->wants.count; j++) {
			const struct spec *want = &node->wants.items[j];
			size_t before = held.count;
			if (want->kind->addresses == NULL || want->broken)
				continue;
			want->kind->addresses(node, want, &held);
			for (size_t k = before; k < held.count; k++)
				if (strchr(held.items[k], ' ') != NULL)
					map_put(&owners, strchr(held.items[k], ' ') + 1, node);
		}
	}
	for (size_t i = 0; i < site->node_count; i++) {
		const struct site_node *node = &site->nodes[i];
		if (node->bmc.type == NULL)
			continue;
		check_fields(node, mistakes);
		if (node->bmc.address != NULL)
			check_address(node, site->boot_server, &owners, &boards, mistakes);
	}
	map_free(&owners);
	map_free(&boards);
}
