/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "model/guard.h"
#include "model/ip.h"
#include "model/near.h"
#include "model/read.h"
#include "model/text_check.h"

static bool root_key(struct reader *reader, const config_setting_t *member, void *context)
{
	const char *name = config_setting_name(member);
	(void)reader;
	(void)context;
	return strcmp(name, "boot") == 0 || strcmp(name, "networks") == 0 ||
	       strcmp(name, "nodes") == 0;
}

static void read_boot(struct reader *reader, const config_setting_t *root)
{
	const config_setting_t *boot = config_setting_get_member(root, "boot");
	struct site *site = reader->site;
	if (boot == NULL)
		mistake_add(reader->mistakes, (struct place){ .file = reader->file },
			    "boot is missing; write boot = { network = \"boot\"; "
			    "server = \"10.0.0.1\"; }");
	else if (read_is_group(reader, boot, "boot")) {
		site->boot_place = read_places(reader, boot, SITE_BOOT_FIELDS);
		read_group(reader, boot, SITE_BOOT_FIELDS, site, "boot", NULL);
	}
}

static void read_network(struct reader *reader, const config_setting_t *group, unsigned index)
{
	struct site *site = reader->site;
	struct network *network = &site->networks[site->network_count];
	AUTO_FREE char *what = read_what(group, "network", index);
	fields_init(NETWORK_FIELDS, network);
	if (!read_is_group(reader, group, what))
		return;
	network->place = read_places(reader, group, NETWORK_FIELDS);
	network->broken = read_group(reader, group, NETWORK_FIELDS, network, what, NULL) > 0;
	if (network->name == NULL) {
		fields_free(NETWORK_FIELDS, network);
		return;
	}
	site->network_count++;
	const struct network *twin = map_put(&site->network_by_name, network->name, network);
	if (twin != NULL)
		mistake_add(reader->mistakes, place_of(network->place, "name"),
			    "%s is there already (line %u); rename one", what,
			    place_of(twin->place, "name").line);
}

static void read_networks(struct reader *reader, const config_setting_t *root)
{
	const config_setting_t *list = config_setting_get_member(root, "networks");
	if (list == NULL || !read_is_list(reader, list, "networks"))
		return;
	unsigned count = (unsigned)config_setting_length(list);
	reader->site->networks = xcalloc(count, sizeof(struct network));
	for (unsigned i = 0; i < count; i++)
		read_network(reader, config_setting_get_elem(list, i), i);
}

struct node_context {
	struct site_node *node;
	const char *what;
};

static void add_no_network(struct reader *reader, const config_setting_t *member, const char *what)
{
	const char *name = config_setting_name(member);
	AUTO_LIST struct text_list known = TEXT_LIST_INIT;
	AUTO_STR struct str hint = STR_INIT;
	for (size_t i = 0; i < reader->site->network_count; i++)
		text_list_add(&known, reader->site->networks[i].name);
	near_add(name, &known, &hint);
	if (hint.length == 0) {
		str_add(&hint, "; networks:");
		for (size_t i = 0; i < known.count; i++)
			str_addf(&hint, "%s %s", i ? "," : "", known.items[i]);
	}
	mistake_add(reader->mistakes, read_place(reader, member),
		    "%s: addresses: there is no network \"%s\"%s", what, name, str_text(&hint));
}

/* One text: the IPv4 address, or the IPv6 one beside it. */
static void read_address_text(struct reader *reader, const config_setting_t *value,
			      const char *what, struct node_address *address)
{
	static const struct field FIELD = { .name = "address", .type = FIELD_IP };
	struct place place = read_place(reader, value);
	struct err err = ERR_INIT;
	char *text = NULL;
	const char *name = address->network->name;
	if (config_setting_type(value) != CONFIG_TYPE_STRING) {
		mistake_add(reader->mistakes, place,
			    "%s: addresses: %s: write it in quotes, like %s = \"10.0.20.5\"", what,
			    name, name);
		return;
	}
	if (field_set_text(&FIELD, &text, config_setting_get_string(value), &err) != 0) {
		mistake_add(reader->mistakes, place, "%s: addresses: %s: %s", what, name, err.text);
		return;
	}
	char **to = ip_is_v6(text) ? &address->address6 : &address->address;
	if (*to == NULL) {
		*to = text;
		return;
	}
	mistake_add(reader->mistakes, place,
		    "%s: addresses: %s: %s is a second one; a node has one address of each family "
		    "on a network",
		    what, name, text);
	free(text);
}

static void read_address(struct reader *reader, const config_setting_t *member,
			 const struct node_context *context)
{
	const char *name = config_setting_name(member);
	struct site_node *node = context->node;
	struct node_address address = { .network = site_find_network(reader->site, name),
					.place = read_place(reader, member) };
	int type = config_setting_type(member);
	if (address.network == NULL) {
		add_no_network(reader, member, context->what);
		return;
	}
	if (type == CONFIG_TYPE_ARRAY || type == CONFIG_TYPE_LIST)
		for (int i = 0; i < config_setting_length(member); i++)
			read_address_text(reader, config_setting_get_elem(member, (unsigned)i),
					  context->what, &address);
	else
		read_address_text(reader, member, context->what, &address);
	if (address.address == NULL && address.address6 != NULL)
		mistake_add(reader->mistakes, address.place,
			    "%s: addresses: %s: has an IPv6 address alone; it stands beside an "
			    "IPv4 one: [ \"10.0.20.5\", \"%s\" ]",
			    context->what, name, address.address6);
	if (address.address == NULL) {
		free(address.address6);
		return;
	}
	node->addresses =
		xrealloc(node->addresses, node->address_count + 1, sizeof(*node->addresses));
	node->addresses[node->address_count++] = address;
}

static void read_bmc(struct reader *reader, const config_setting_t *group,
		     const struct node_context *context)
{
	struct site_bmc *bmc = &context->node->bmc;
	AUTO_FREE char *what = xasprintf("%s: bmc", context->what);
	if (!read_is_group(reader, group, what))
		return;
	bmc->place = read_places(reader, group, BMC_FIELDS);
	read_group(reader, group, BMC_FIELDS, bmc, what, NULL);
}

static void read_guests(struct reader *reader, const config_setting_t *group,
			const struct node_context *context)
{
	struct site_guests *guests = &context->node->guests;
	AUTO_FREE char *what = xasprintf("%s: guests", context->what);
	if (!read_is_group(reader, group, what))
		return;
	guests->place = read_places(reader, group, GUESTS_FIELDS);
	read_group(reader, group, GUESTS_FIELDS, guests, what, NULL);
}

static bool node_key(struct reader *reader, const config_setting_t *member, void *context)
{
	const struct node_context *of = context;
	const char *name = config_setting_name(member);
	const struct kind_spec *kind = read_section(name);
	if (kind != NULL) {
		read_resources(reader, member, kind, &of->node->wants);
		return true;
	}
	if (strcmp(name, "bmc") == 0) {
		read_bmc(reader, member, of);
		return true;
	}
	if (strcmp(name, "guests") == 0) {
		read_guests(reader, member, of);
		return true;
	}
	if (strcmp(name, "addresses") != 0)
		return false;
	AUTO_FREE char *what = xasprintf("%s: addresses", of->what);
	size_t before = reader->mistakes->count;
	if (read_is_group(reader, member, what))
		for (int i = 0; i < config_setting_length(member); i++)
			read_address(reader, config_setting_get_elem(member, (unsigned)i), of);
	of->node->addresses_broken = reader->mistakes->count > before;
	return true;
}

/* It may be gone from the configuration: that is when its data is lost. */
static bool is_resource(const char *scope)
{
	const char *slash = strchr(scope, '/');
	AUTO_FREE char *kind = slash ? xstrndup(scope, (size_t)(slash - scope)) : NULL;
	return slash != NULL && slash[1] != '\0' && kind_find(kind) != NULL;
}

static const struct read_rule MAY_LOSE = { "may_lose", is_resource,
					   "KIND/NAME of a resource, like \"volume/old\"" };

static void read_node(struct reader *reader, const config_setting_t *group, unsigned index)
{
	struct site *site = reader->site;
	struct site_node *node = &site->nodes[site->node_count];
	AUTO_FREE char *what = read_what(group, "node", index);
	fields_init(NODE_FIELDS, node);
	fields_init(BMC_FIELDS, &node->bmc);
	fields_init(GUESTS_FIELDS, &node->guests);
	if (!read_is_group(reader, group, what))
		return;
	struct node_context context = { node, what };
	struct read_more more = { node_key, "addresses bmc guests", true, &context };
	node->place = read_places(reader, group, NODE_FIELDS);
	read_group(reader, group, NODE_FIELDS, node, what, &more);
	if (node->console != NULL)
		read_check(reader, group, &READ_CONSOLE, what);
	if (node->root != NULL)
		read_check(reader, group, &READ_ROOT, what);
	read_check(reader, group, &MAY_LOSE, what);
	if (node->name == NULL) {
		site_node_free(node);
		return;
	}
	site->node_count++;
	const struct site_node *twin = map_put(&site->node_by_name, node->name, node);
	if (twin != NULL)
		mistake_add(reader->mistakes, place_of(node->place, "name"),
			    "%s is there already (line %u); rename one", what,
			    place_of(twin->place, "name").line);
	if (node->mac == NULL)
		return;
	twin = map_put(&site->node_by_mac, node->mac, node);
	if (twin != NULL)
		mistake_add(reader->mistakes, place_of(node->place, "mac"),
			    "%s: mac %s is also node \"%s\"'s (line %u); an interface is in one "
			    "node",
			    what, node->mac, twin->name, place_of(twin->place, "mac").line);
}

static void read_nodes(struct reader *reader, const config_setting_t *root)
{
	const config_setting_t *list = config_setting_get_member(root, "nodes");
	if (list == NULL || !read_is_list(reader, list, "nodes"))
		return;
	unsigned count = (unsigned)config_setting_length(list);
	reader->site->nodes = xcalloc(count, sizeof(struct site_node));
	for (unsigned i = 0; i < count; i++)
		read_node(reader, config_setting_get_elem(list, i), i);
}

static void keep_places(struct reader *reader, const config_setting_t *root)
{
	struct site *site = reader->site;
	const struct {
		const char *name;
		struct place *place;
	} kept[] = {
		{ "domain", &site->domain_place },	 { "mirror", &site->mirror_place },
		{ "boot", &site->boot_place },		 { "vlan_pool", &site->vlan_pool_place },
		{ "link_pool", &site->link_pool_place },
	};
	for (size_t i = 0; i < COUNT_OF(kept); i++) {
		const config_setting_t *member = config_setting_get_member(root, kept[i].name);
		if (member != NULL)
			*kept[i].place = read_place(reader, member);
	}
}

static bool is_ip(const char *text)
{
	struct ip ip;
	return ip_parse(text, &ip);
}

void read_site(struct reader *reader, const config_setting_t *root)
{
	keep_places(reader, root);
	const struct read_more more = { root_key, "boot networks nodes", false, NULL };
	static const struct read_rule KEYS = { "authorized_keys", text_is_ssh_key,
					       "one public key, like \"ssh-ed25519 AAAA… name\"" };
	static const struct read_rule SERVERS = { "nameservers", is_ip,
						  "an IP address, like \"10.0.20.5\" or "
						  "\"fd00::5\"" };
	read_group(reader, root, SITE_FIELDS, reader->site, "", &more);
	read_check(reader, root, &SERVERS, "");
	read_check(reader, root, &READ_FIRMWARE, "");
	read_check(reader, root, &KEYS, "");
	read_boot(reader, root);
	read_networks(reader, root);
	read_nodes(reader, root);
}

static int read_all(const char *text, size_t length, const char *dir, const char *share_dir,
		    struct site *site, struct mistakes *mistakes)
{
	AUTO_FREE char *share = realpath(share_dir, NULL);
	struct reader reader = { .dir = dir,
				 .share_dir = share ? share : share_dir,
				 .site = site,
				 .mistakes = mistakes };
	config_t config;
	*site = (struct site){ .dir = xstrdup(dir) };
	fields_init(SITE_FIELDS, site);
	fields_init(SITE_BOOT_FIELDS, site);
	bool parsed = read_config(&reader, "site.cfg", text, length, &config);
	if (parsed)
		read_site(&reader, config_root_setting(&config));
	config_destroy(&config);
	read_roles(&reader);
	read_images(&reader);
	read_clusters(&reader);
	read_rolls(&reader);
	read_appliances(&reader);
	read_allocations(&reader);
	if (parsed)
		check_site(site, mistakes);
	mistakes_sort(mistakes, &site->files);
	return 0;
}

int site_read_text(const char *text, size_t length, const char *dir, const char *share_dir,
		   struct site *site, struct mistakes *mistakes, struct err *err)
{
	(void)err;
	return read_all(text, length, dir, share_dir, site, mistakes);
}

int site_read(const char *dir, const char *share_dir, struct site *site, struct mistakes *mistakes,
	      struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/site.cfg", dir);
	if (!file_exists(path))
		return err_set(err,
			       "%s is not there; choose the site directory with -C, or write the "
			       "file",
			       path);
	return read_all(NULL, 0, dir, share_dir, site, mistakes);
}
