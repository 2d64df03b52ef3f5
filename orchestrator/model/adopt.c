/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/adopt.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "model/ipv4.h"

/* ---- role ---- */

static size_t stem_length(const char *name)
{
	size_t length = strlen(name);
	while (length > 0 && isdigit((unsigned char)name[length - 1]))
		length--;
	return length;
}

static bool called_alike(const char *a, const char *b)
{
	size_t length = stem_length(a);
	return length > 0 && length == stem_length(b) && strncmp(a, b, length) == 0;
}

const char *adopt_role(const struct site *site, const struct text_list *names, struct err *err)
{
	const char *role = NULL;
	for (size_t i = 0; i < names->count; i++) {
		const char *name = names->items[i];
		size_t alike = 0;
		for (size_t j = 0; j < site->node_count; j++) {
			const struct site_node *node = &site->nodes[j];
			if (!called_alike(name, node->name))
				continue;
			if (role != NULL && !text_equal(role, node->role_name)) {
				err_set(err,
					"%s may be of the role \"%s\" or \"%s\"; write --role ROLE",
					name, role, node->role_name);
				return NULL;
			}
			role = node->role_name;
			alike++;
		}
		if (alike == 0) {
			err_set(err,
				"no node is called like %s whose role it could have; write --role "
				"ROLE",
				name);
			return NULL;
		}
	}
	return role;
}

/* ---- addresses ---- */

/* Every address that is somebody's; the texts of new ones are owned by `given`. */
struct taken {
	struct map addresses;
	struct text_list given;
};

static void take(struct taken *taken, const char *address)
{
	if (address != NULL)
		map_put(&taken->addresses, address, (void *)(size_t)address);
}

static void take_all(struct taken *taken, const struct site *site)
{
	take(taken, site->boot_server);
	for (size_t i = 0; i < site->node_count; i++) {
		const struct site_node *node = &site->nodes[i];
		take(taken, node->bmc.address);
		for (size_t j = 0; j < node->address_count; j++)
			take(taken, node->addresses[j].address);
	}
}

/* The highest address that a node of the role has on the network; 0: none. */
static uint32_t highest(const struct site *site, const char *role, const struct network *network)
{
	uint32_t most = 0;
	for (size_t i = 0; i < site->node_count; i++) {
		uint32_t address;
		const char *text = site_node_address(&site->nodes[i], network->name);
		if (text_equal(site->nodes[i].role_name, role) && text &&
		    ipv4_parse(text, &address) && address > most)
			most = address;
	}
	return most;
}

/* Borrowed from `taken`; NULL when none is free. */
static const char *give_address(struct taken *taken, const struct network *network, uint32_t after)
{
	struct ipv4_network range;
	if (network->cidr == NULL || !ipv4_parse_network(network->cidr, &range))
		return NULL;
	uint32_t first = ipv4_first(&range) + 1;
	uint32_t last = ipv4_last(&range) - 1;
	uint32_t begin = after >= first && after < last ? after + 1 : first;
	uint32_t at = begin;
	do {
		char *text = ipv4_text(at);
		if (map_get(&taken->addresses, text) == NULL) {
			text_list_take(&taken->given, text);
			take(taken, text);
			return text;
		}
		free(text);
		at = at < last ? at + 1 : first;
	} while (at != begin);
	return NULL;
}

/* ---- entries ---- */

static const struct site_node *last_of_role(const struct site *site, const char *role)
{
	for (size_t i = site->node_count; i > 0; i--)
		if (text_equal(site->nodes[i - 1].role_name, role))
			return &site->nodes[i - 1];
	return NULL;
}

static int add_address(const struct site *site, const char *role, const struct network *network,
		       struct taken *taken, struct str *out, struct err *err)
{
	const char *address = give_address(taken, network, highest(site, role, network));
	if (address == NULL)
		return err_set(err, "network \"%s\" has no free address", network->name);
	str_addf(out, " %s = \"%s\";", network->name, address);
	return 0;
}

static int add_addresses(const struct site *site, const char *role, struct taken *taken,
			 struct str *out, struct err *err)
{
	const struct site_node *like = last_of_role(site, role);
	const struct network *boot = site_find_network(site, site->boot_network);
	if (like == NULL)
		return add_address(site, role, boot, taken, out, err);
	for (size_t i = 0; i < like->address_count; i++)
		if (add_address(site, role, like->addresses[i].network, taken, out, err) != 0)
			return -1;
	return 0;
}

static int check_new(const struct site *site, const struct text_list *names,
		     const struct text_list *macs, struct err *err)
{
	struct map seen = MAP_INIT;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < names->count; i++) {
		const struct site_node *owner = site_find_mac(site, macs->items[i]);
		if (site_find_node(site, names->items[i]) != NULL)
			rc = err_set(err, "node \"%s\" is in the site already", names->items[i]);
		else if (owner != NULL)
			rc = err_set(err, "%s is node \"%s\"'s already", macs->items[i],
				     owner->name);
		else if (map_put(&seen, names->items[i], names->items[i]) != NULL)
			rc = err_set(err, "node \"%s\" is named twice", names->items[i]);
		else if (map_put(&seen, macs->items[i], macs->items[i]) != NULL)
			rc = err_set(err, "%s is named twice", macs->items[i]);
	}
	map_free(&seen);
	return rc;
}

int adopt_entries(const struct site *site, const char *role, const struct text_list *names,
		  const struct text_list *macs, struct str *entries, struct err *err)
{
	AUTO_STR struct str text = STR_INIT;
	struct taken taken = { MAP_INIT, TEXT_LIST_INIT };
	int rc = check_new(site, names, macs, err);
	take_all(&taken, site);
	for (size_t i = 0; rc == 0 && i < names->count; i++) {
		str_addf(&text, "%s\t{\n\t\tname = \"%s\"; role = \"%s\"; mac = \"%s\";\n",
			 i ? ",\n" : "", names->items[i], role, macs->items[i]);
		str_add(&text, "\t\taddresses = {");
		rc = add_addresses(site, role, &taken, &text, err);
		str_add(&text, " };\n\t}");
	}
	if (rc == 0)
		str_add_bytes(entries, str_text(&text), text.length);
	map_free(&taken.addresses);
	text_list_free(&taken.given);
	return rc;
}

/* ---- site.cfg ---- */

/* What stands here and is no part of the grammar: a comment, 0 when there is none. */
static size_t comment_length(const char *at)
{
	if (*at == '#' || text_starts(at, "//"))
		return strcspn(at, "\n");
	if (!text_starts(at, "/*"))
		return 0;
	const char *end = strstr(at + 2, "*/");
	return end ? (size_t)(end + 2 - at) : strlen(at);
}

static size_t string_length(const char *at)
{
	size_t length = 1;
	while (at[length] && at[length] != '"')
		length += at[length] == '\\' && at[length + 1] ? 2 : 1;
	return at[length] ? length + 1 : length;
}

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '*';
}

/* One token from here; blanks and comments are tokens that say nothing. */
static size_t token_length(const char *at, bool *says)
{
	size_t comment = comment_length(at);
	*says = comment == 0 && !isspace((unsigned char)*at);
	if (comment > 0)
		return comment;
	if (*at == '"')
		return string_length(at);
	size_t name = 0;
	while (is_name(at[name]))
		name++;
	return name ? name : 1;
}

/* The list's brackets in the text, and the end of the last thing between them. */
struct list_place {
	const char *open, *close, *last;
};

static bool find_nodes(const char *text, struct list_place *place)
{
	static const char *const WANTED[] = { "nodes", "=", "(" };
	unsigned depth = 0;
	size_t matched = 0;
	*place = (struct list_place){ NULL, NULL, NULL };
	for (const char *at = text; *at;) {
		bool says;
		size_t length = token_length(at, &says);
		const char *token = at;
		at += length;
		if (!says)
			continue;
		if (strchr(")]}", *token) && depth > 0 && --depth == 0 && place->open) {
			place->close = token;
			return true;
		}
		if (place->open)
			place->last = at;
		if (depth == 0) {
			const char *wanted = WANTED[matched];
			bool equal = strlen(wanted) == length && memcmp(wanted, token, length) == 0;
			matched = equal || (matched == 1 && *token == ':') ? matched + 1 : 0;
			if (matched == COUNT_OF(WANTED)) {
				place->open = token;
				place->last = at;
			}
		}
		if (strchr("([{", *token))
			depth++;
	}
	return false;
}

int adopt_insert(const char *text, const char *entries, struct str *out, struct err *err)
{
	struct list_place place;
	if (!find_nodes(text, &place))
		return err_set(err, "site.cfg: there is no list nodes = ( … ) in the file itself; "
				    "add the nodes by hand where the others are");
	bool more = place.last > place.open + 1 && place.last[-1] != ',';
	/* The closing bracket keeps its line, when it has one of its own. */
	const char *line = place.close;
	while (line > place.last && (line[-1] == ' ' || line[-1] == '\t'))
		line--;
	bool own_line = line > place.last && line[-1] == '\n';
	if (!own_line)
		line = place.close;
	str_add_bytes(out, text, (size_t)(place.last - text));
	str_add(out, more ? "," : "");
	str_add_bytes(out, place.last, (size_t)(line - place.last));
	str_addf(out, "%s%s\n", own_line ? "" : "\n", entries);
	str_add(out, line);
	return 0;
}
