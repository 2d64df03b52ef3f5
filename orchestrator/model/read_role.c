/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "model/guard.h"
#include "model/near.h"
#include "model/read.h"
#include "model/text_check.h"

static char *shipped_folder(const struct reader *reader, const char *name)
{
	return xasprintf("%s/roles/%s", reader->share_dir, name);
}

static char *own_folder(const struct reader *reader, const char *name)
{
	return xasprintf("%s/roles/%s", reader->dir, name);
}

static bool role_key(struct reader *reader, const config_setting_t *member, void *context)
{
	const struct kind_spec *kind = read_section(config_setting_name(member));
	if (kind == NULL)
		return false;
	read_resources(reader, member, kind, context);
	return true;
}

static bool may_be_masked(const char *unit)
{
	return text_is_unit(unit) && !text_is_needed_unit(unit);
}

/* The initramfs takes its layers, its server and its token from these. */
static bool may_be_argument(const char *text)
{
	return text_is_argument(text) && !text_starts(text, "moyai.");
}

static bool may_be_packed(const char *text)
{
	static const struct field PATH = { .name = "path", .type = FIELD_PATH };
	AUTO_FREE char *path = NULL;
	return field_set_text(&PATH, &path, text, NULL) == 0 && strpbrk(text, " \t") == NULL;
}

static const struct read_rule RULES[] = {
	{ "initramfs", may_be_packed, "a program of the image, like \"/usr/sbin/dropbear\"" },
	{ "packages", text_is_package,
	  "the name of a Debian package, like \"firmware-linux-free\"" },
	{ "kernel_arguments", may_be_argument,
	  "one argument without blanks, and none that begins with \"moyai.\", like \"quiet\"" },
	{ "modules", text_is_module, "a kernel module, like \"8021q\"" },
	{ "enable", text_is_unit, "a unit in full, like \"ssh.service\"" },
	{ "mask", may_be_masked,
	  "a unit in full, and none that Moyai reaches or changes a node through" },
};

/* `file` as the reader names it: relative to the site, or absolute. */
static void read_layer(struct reader *reader, const char *name, const char *file,
		       struct role *layer)
{
	config_t config;
	AUTO_FREE char *what = xasprintf("role \"%s\"", name);
	struct read_more more = { role_key, "", true, layer->wants };
	if (read_config(reader, file, NULL, 0, &config)) {
		const config_setting_t *root = config_root_setting(&config);
		read_group(reader, root, ROLE_FIELDS, layer, what, &more);
		for (size_t i = 0; i < COUNT_OF(RULES); i++)
			read_check(reader, root, &RULES[i], what);
		read_check(reader, root, &READ_FIRMWARE, what);
		if (layer->console != NULL)
			read_check(reader, root, &READ_CONSOLE, what);
		layer->place = read_places(reader, root, ROLE_FIELDS);
	}
	layer->place.file = reader->file;
	layer->place.line = 1;
	config_destroy(&config);
}

/* The layers of the role itself, without what it extends. */
static void read_layers(struct reader *reader, struct role *role)
{
	AUTO_FREE char *shipped_dir = shipped_folder(reader, role->name);
	AUTO_FREE char *own = own_folder(reader, role->name);
	AUTO_FREE char *own_file = xasprintf("roles/%s/role.cfg", role->name);
	AUTO_FREE char *own_path = xasprintf("%s/role.cfg", own);
	AUTO_FREE char *shipped_file = xasprintf("%s/role.cfg", shipped_dir);
	bool shipped = file_is_dir(shipped_dir);
	struct role layer;
	if (shipped) {
		role_init(&layer, role->name);
		read_layer(reader, role->name, shipped_file, &layer);
		role_lay_over(role, &layer);
		role->place = layer.place;
		role_free(&layer);
		text_list_add(&role->folders, shipped_dir);
	}
	role->shipped = shipped;
	if (!file_is_dir(own))
		return;
	text_list_add(&role->folders, own);
	if (file_exists(own_path)) {
		role_init(&layer, role->name);
		read_layer(reader, role->name, own_file, &layer);
		role_lay_over(role, &layer);
		role->place = layer.place;
		role_free(&layer);
	} else if (!shipped) {
		role->place = (struct place){ .file = guard_file(reader->site, own_file) };
		mistake_add(reader->mistakes, role->place,
			    "is missing, and no role \"%s\" is shipped; write the file",
			    role->name);
	}
}

static bool role_is_there(const struct reader *reader, const char *name)
{
	AUTO_FREE char *shipped = shipped_folder(reader, name);
	AUTO_FREE char *own = own_folder(reader, name);
	return file_is_dir(shipped) || file_is_dir(own);
}

static void list_roles(const struct reader *reader, struct text_list *names)
{
	const char *dirs[] = { reader->share_dir, reader->dir };
	for (size_t i = 0; i < COUNT_OF(dirs); i++) {
		AUTO_FREE char *folder = xasprintf("%s/roles", dirs[i]);
		AUTO_LIST struct text_list found = TEXT_LIST_INIT;
		file_list_dir(folder, &found, NULL);
		for (size_t j = 0; j < found.count; j++)
			if (strcmp(found.items[j], "rolls") != 0 && found.items[j][0] != '.' &&
			    !text_list_has(names, found.items[j]))
				text_list_add(names, found.items[j]);
	}
	text_list_sort(names);
}

static void add_no_role(struct reader *reader, struct place place, const char *what,
			const char *name)
{
	AUTO_LIST struct text_list known = TEXT_LIST_INIT;
	AUTO_STR struct str hint = STR_INIT;
	list_roles(reader, &known);
	near_add(name, &known, &hint);
	if (known.count == 0) {
		str_addf(&hint, "; none are shipped in %s/roles", reader->share_dir);
	} else if (hint.length == 0) {
		str_add(&hint, "; roles:");
		for (size_t i = 0; i < known.count; i++)
			str_addf(&hint, "%s %s", i ? "," : "", known.items[i]);
	}
	mistake_add(reader->mistakes, place, "%s: there is no role \"%s\"%s", what, name,
		    str_text(&hint));
}

/* `chain`: the roles whose `extends` led here. */
static void read_role(struct reader *reader, const char *name, struct text_list *chain)
{
	struct role_list *list = &reader->site->roles;
	size_t mistakes = reader->mistakes->count - reader->in_values;
	struct role own;
	struct role full;
	if (role_list_find(list, name) != NULL)
		return;
	AUTO_FREE char *what = xasprintf("role \"%s\"", name);
	role_init(&own, name);
	role_init(&full, name);
	read_layers(reader, &own);
	text_list_add(chain, name);
	if (own.extends != NULL && text_list_has(chain, own.extends)) {
		mistake_add(reader->mistakes, place_of(own.place, "extends"),
			    "%s: extends \"%s\", which in the end extends it; take one of the two "
			    "out",
			    what, own.extends);
	} else if (own.extends != NULL && !role_is_there(reader, own.extends)) {
		add_no_role(reader, place_of(own.place, "extends"), what, own.extends);
	} else if (own.extends != NULL) {
		read_role(reader, own.extends, chain);
		const struct role *base = role_list_find(list, own.extends);
		if (base != NULL) {
			role_lay_over(&full, base);
			free(full.extends); /* the base's own */
			full.extends = NULL;
			text_list_copy(&full.folders, &base->folders);
		}
	}
	role_lay_over(&full, &own);
	text_list_copy(&full.folders, &own.folders);
	full.place = own.place;
	full.shipped = own.shipped;
	full.broken = reader->mistakes->count - reader->in_values > mistakes;
	role_free(&own);
	free(chain->items[--chain->count]);
	role_list_take(list, &full);
}

static void read_own_roles(struct reader *reader)
{
	static const struct field NAME = { .name = "name", .type = FIELD_NAME };
	AUTO_FREE char *folder = xasprintf("%s/roles", reader->dir);
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	AUTO_LIST struct text_list chain = TEXT_LIST_INIT;
	struct err unread = ERR_INIT;
	if (file_list_dir(folder, &names, &unread) != 0)
		mistake_add(reader->mistakes, (struct place){ 0 }, "%s", unread.text);
	for (size_t i = 0; i < names.count; i++) {
		AUTO_FREE char *own = own_folder(reader, names.items[i]);
		AUTO_FREE char *name = NULL;
		struct err err = ERR_INIT;
		if (names.items[i][0] == '.' || strcmp(names.items[i], "rolls") == 0 ||
		    !file_is_dir(own))
			continue;
		if (field_set_text(&NAME, &name, names.items[i], &err) != 0) {
			AUTO_FREE char *file = xasprintf("roles/%.64s", names.items[i]);
			struct place place = { .file = guard_file(reader->site, file) };
			mistake_add(reader->mistakes, place, "role %s", err.text);
			continue;
		}
		read_role(reader, name, &chain);
	}
}

static bool is_used(const struct site *site, const struct role *role)
{
	for (size_t i = 0; i < site->node_count; i++)
		if (text_equal(site->nodes[i].role_name, role->name))
			return true;
	for (size_t i = 0; i < site->roles.count; i++)
		if (text_equal(site->roles.items[i].extends, role->name))
			return true;
	for (size_t i = 0; i < site->cluster_count; i++)
		for (size_t j = 0; j < site->clusters[i].guest_count; j++) {
			const struct cluster_group *group = site->clusters[i].guests[j].group;
			if (text_equal(group->role, role->name) ||
			    text_equal(group->appliance, role->name))
				return true;
		}
	return false;
}

static void check_used(struct reader *reader)
{
	const struct site *site = reader->site;
	for (size_t i = 0; i < site->roles.count; i++) {
		const struct role *role = &site->roles.items[i];
		if (!is_used(site, role))
			mistake_add(reader->mistakes, role->place,
				    "role \"%s\": no node has it; give it to a node, or remove "
				    "the folder",
				    role->name);
	}
}

void read_roles(struct reader *reader)
{
	struct site *site = reader->site;
	AUTO_LIST struct text_list chain = TEXT_LIST_INIT;
	for (size_t i = 0; i < site->node_count; i++) {
		const struct site_node *node = &site->nodes[i];
		if (node->role_name == NULL || role_list_find(&site->roles, node->role_name))
			continue;
		if (role_is_there(reader, node->role_name)) {
			read_role(reader, node->role_name, &chain);
		} else {
			AUTO_FREE char *what = xasprintf("node \"%s\"", node->name);
			add_no_role(reader, place_of(node->place, "role"), what, node->role_name);
		}
	}
	read_own_roles(reader);
}

static void find_alone(const struct site *site, struct cluster_group *group)
{
	const struct role *role = role_list_find(&site->roles, group->appliance);
	group->alone = role != NULL && role->initramfs.count > 0;
}

void read_appliances(struct reader *reader)
{
	struct site *site = reader->site;
	AUTO_LIST struct text_list chain = TEXT_LIST_INIT;
	for (size_t i = 0; i < site->cluster_count; i++) {
		const struct cluster *cluster = &site->clusters[i];
		for (size_t j = 0; j < cluster->guest_count; j++) {
			const char *name = cluster->guests[j].group->appliance;
			if (name != NULL && role_is_there(reader, name))
				read_role(reader, name, &chain);
		}
		find_alone(site, &site->clusters[i].frontend);
		for (size_t j = 0; j < cluster->group_count; j++)
			find_alone(site, &cluster->groups[j]);
	}
	compose_roles(reader);
	for (size_t i = 0; i < site->node_count; i++)
		site->nodes[i].role = role_list_find(&site->roles, site->nodes[i].role_name);
	if (site->node_count > 0)
		check_used(reader);
}
