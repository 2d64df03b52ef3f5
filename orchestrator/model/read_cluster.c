/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "model/guard.h"
#include "model/nodeset.h"
#include "model/read.h"
#include "model/text_check.h"

enum { LABEL_MAX = 63 }; /* RFC 1035, 2.3.4 */

static const struct read_rule KEYS = { "authorized_keys", text_is_ssh_key,
				       "one public key, like \"ssh-ed25519 AAAA… name\"" };
static const struct read_rule PACKAGES = { "packages", text_is_package,
					   "the name of a Debian package, like \"gcc\"" };

struct cluster_context {
	struct cluster *cluster;
	const char *what; /* cluster "genome" */
};

static void read_frontend(struct reader *reader, const config_setting_t *group,
			  const struct cluster_context *of)
{
	struct cluster_group *frontend = &of->cluster->frontend;
	AUTO_FREE char *what = xasprintf("%s: frontend", of->what);
	if (!read_is_group(reader, group, what))
		return;
	frontend->name = xstrdup(CLUSTER_FRONTEND);
	frontend->count = 1;
	frontend->place = read_places(reader, group, CLUSTER_FRONTEND_FIELDS);
	read_group(reader, group, CLUSTER_FRONTEND_FIELDS, frontend, what, NULL);
	read_check(reader, group, &PACKAGES, what);
}

/* What goes together in a group, and what does not. */
static void check_group(struct reader *reader, const struct cluster_group *group, const char *what)
{
	bool ram = text_equal(group->boot, "ram");
	bool counted = group->count != FIELD_UNSET;
	if (counted && group->names != NULL)
		mistake_add(reader->mistakes, place_of(group->place, "count"),
			    "%s: has count and names; take one of the two out", what);
	else if (!counted && group->names == NULL)
		mistake_add(reader->mistakes, group->place,
			    "%s: count is missing; write count = 4, how many nodes, or names = "
			    "\"big[1-2]\", what they are called",
			    what);
	if (ram && group->disk != FIELD_UNSET)
		mistake_add(reader->mistakes, place_of(group->place, "disk"),
			    "%s: disk: a node with boot = \"ram\" has none; take it out, or write "
			    "scratch for what may be lost",
			    what);
	else if (!ram && group->boot != NULL && group->disk == FIELD_UNSET)
		mistake_add(reader->mistakes, group->place,
			    "%s: disk is missing; write disk = \"20G\", or boot = \"ram\" for "
			    "nodes without",
			    what);
}

static void read_node_group(struct reader *reader, const config_setting_t *group, unsigned index,
			    const struct cluster_context *of)
{
	struct cluster *cluster = of->cluster;
	struct cluster_group *nodes = &cluster->groups[cluster->group_count];
	AUTO_FREE char *own = read_what(group, "group", index);
	AUTO_FREE char *what = xasprintf("%s: %s", of->what, own);
	fields_init(CLUSTER_GROUP_FIELDS, nodes);
	if (!read_is_group(reader, group, what))
		return;
	nodes->place = read_places(reader, group, CLUSTER_GROUP_FIELDS);
	size_t wrong = read_group(reader, group, CLUSTER_GROUP_FIELDS, nodes, what, NULL);
	read_check(reader, group, &PACKAGES, what);
	if (wrong == 0)
		check_group(reader, nodes, what);
	if (nodes->name == NULL) {
		fields_free(CLUSTER_GROUP_FIELDS, nodes);
		return;
	}
	for (size_t i = 0; i < cluster->group_count; i++)
		if (strcmp(cluster->groups[i].name, nodes->name) == 0)
			mistake_add(reader->mistakes, place_of(nodes->place, "name"),
				    "%s is there already (line %u); rename one", what,
				    place_of(cluster->groups[i].place, "name").line);
	cluster->group_count++;
}

static void read_node_groups(struct reader *reader, const config_setting_t *list,
			     const struct cluster_context *of)
{
	AUTO_FREE char *what = xasprintf("%s: nodes", of->what);
	if (!read_is_list(reader, list, what))
		return;
	unsigned count = (unsigned)config_setting_length(list);
	of->cluster->groups = xcalloc(count, sizeof(struct cluster_group));
	for (unsigned i = 0; i < count; i++)
		read_node_group(reader, config_setting_get_elem(list, i), i, of);
}

static void read_external(struct reader *reader, const config_setting_t *group,
			  const struct cluster_context *of)
{
	AUTO_FREE char *what = xasprintf("%s: external", of->what);
	struct cluster_external *external = &of->cluster->external;
	if (!read_is_group(reader, group, what))
		return;
	external->place = read_places(reader, group, CLUSTER_EXTERNAL_FIELDS);
	read_group(reader, group, CLUSTER_EXTERNAL_FIELDS, external, what, NULL);
}

static void read_forwards(struct reader *reader, const config_setting_t *list,
			  const struct cluster_context *of)
{
	struct cluster *cluster = of->cluster;
	AUTO_FREE char *what = xasprintf("%s: forwards", of->what);
	if (!read_is_list(reader, list, what))
		return;
	unsigned count = (unsigned)config_setting_length(list);
	cluster->forwards = xcalloc(count, sizeof(struct cluster_forward));
	for (unsigned i = 0; i < count; i++) {
		const config_setting_t *group = config_setting_get_elem(list, i);
		struct cluster_forward *forward = &cluster->forwards[cluster->forward_count];
		AUTO_FREE char *which = xasprintf("%s: forward %u", of->what, i + 1);
		if (!read_is_group(reader, group, which))
			continue;
		cluster->forward_count++;
		fields_init(CLUSTER_FORWARD_FIELDS, forward);
		forward->place = read_places(reader, group, CLUSTER_FORWARD_FIELDS);
		read_group(reader, group, CLUSTER_FORWARD_FIELDS, forward, which, NULL);
	}
}

static void read_parameter(struct reader *reader, const config_setting_t *member, const char *roll,
			   const struct cluster_context *of)
{
	static const struct field VALUE = { .name = "value", .type = FIELD_TEXT, .max = 1024 };
	struct cluster *cluster = of->cluster;
	const char *name = config_setting_name(member);
	const char *text = config_setting_get_string(member);
	struct place place = read_place(reader, member);
	struct err err = ERR_INIT;
	char *value = NULL;
	if (text == NULL)
		err_set(&err, "write it in quotes, like %s = \"…\"", name);
	else if (!text_is_parameter(text))
		err_set(&err,
			"\"%.80s\" is not one word; write letters, digits and any "
			"of " TEXT_PARAMETER_SIGNS,
			text);
	if (err.text[0] != '\0' || field_set_text(&VALUE, &value, text, &err) != 0) {
		mistake_add(reader->mistakes, place, "%s: parameters: %s.%s: %s", of->what, roll,
			    name, err.text);
		return;
	}
	cluster->parameters = xrealloc(cluster->parameters, cluster->parameter_count + 1,
				       sizeof(*cluster->parameters));
	cluster->parameters[cluster->parameter_count++] =
		(struct cluster_parameter){ xstrdup(roll), xstrdup(name), value, place };
}

static void read_parameters(struct reader *reader, const config_setting_t *rolls,
			    const struct cluster_context *of)
{
	AUTO_FREE char *what = xasprintf("%s: parameters", of->what);
	if (!read_is_group(reader, rolls, what))
		return;
	for (int i = 0; i < config_setting_length(rolls); i++) {
		const config_setting_t *roll = config_setting_get_elem(rolls, (unsigned)i);
		const char *name = config_setting_name(roll);
		AUTO_FREE char *which = xasprintf("%s: %s", what, name);
		if (!read_is_group(reader, roll, which))
			continue;
		for (int j = 0; j < config_setting_length(roll); j++)
			read_parameter(reader, config_setting_get_elem(roll, (unsigned)j), name,
				       of);
	}
}

static bool cluster_key(struct reader *reader, const config_setting_t *member, void *context)
{
	static const struct {
		const char *name;
		void (*read)(struct reader *, const config_setting_t *,
			     const struct cluster_context *);
	} PARTS[] = {
		{ "frontend", read_frontend },	   { "nodes", read_node_groups },
		{ "external", read_external },	   { "forwards", read_forwards },
		{ "parameters", read_parameters },
	};
	for (size_t i = 0; i < COUNT_OF(PARTS); i++)
		if (strcmp(config_setting_name(member), PARTS[i].name) == 0) {
			PARTS[i].read(reader, member, context);
			return true;
		}
	return false;
}

/* The name of a file is what tells clusters apart. */
static void check_name(struct reader *reader, const struct cluster *cluster, const char *written)
{
	AUTO_FREE char *other = xasprintf("%s/" CLUSTER_FOLDER "/%s.cfg", reader->dir, written);
	static const struct field NAME = { .name = "name", .type = FIELD_NAME, .max = 40 };
	struct place place = place_of(cluster->place, "name");
	struct err err = ERR_INIT;
	AUTO_FREE char *name = NULL;
	if (text_equal(cluster->name, written))
		return;
	if (field_set_text(&NAME, &name, cluster->name, &err) != 0)
		mistake_add(reader->mistakes, place,
			    "cluster \"%s\" is in a file whose name can be no cluster's: %s; "
			    "rename the file",
			    written, err.text);
	else if (file_exists(other))
		mistake_add(reader->mistakes, place,
			    "cluster \"%s\" is in " CLUSTER_FOLDER
			    "/%s.cfg already; write name = \"%s\" for the one in this file, or "
			    "remove it",
			    written, written, cluster->name);
	else
		mistake_add(reader->mistakes, place,
			    "cluster \"%s\" is in a file of another name; write name = \"%s\", or "
			    "rename the file to %s.cfg",
			    written, cluster->name, written);
}

static void check_parts(struct reader *reader, const config_setting_t *root,
			const struct cluster *cluster, const char *what)
{
	const struct cluster_external *external = &cluster->external;
	if (config_setting_get_member(root, "frontend") == NULL)
		mistake_add(reader->mistakes, cluster->place,
			    "%s: frontend is missing; write frontend = { vcpus = 2; memory = "
			    "\"4G\"; disk = \"40G\"; }",
			    what);
	const config_setting_t *nodes = config_setting_get_member(root, "nodes");
	if (nodes == NULL || (config_setting_is_list(nodes) && config_setting_length(nodes) == 0))
		mistake_add(reader->mistakes, cluster->place,
			    "%s: nodes is missing; write nodes = ( { name = \"compute\"; count = "
			    "4; vcpus = 2; memory = \"4G\"; disk = \"20G\"; } )",
			    what);
	if (external->place.file != NULL && cluster->forward_count > 0)
		mistake_add(reader->mistakes, cluster->forwards[0].place,
			    "%s: has forwards, and an address of its own in external, whose ports "
			    "are all the frontend's; take one of the two out",
			    what);
}

static void read_cluster(struct reader *reader, const config_setting_t *root,
			 struct cluster *cluster)
{
	AUTO_FREE char *what = xasprintf("cluster \"%s\"", cluster->name);
	AUTO_FREE char *stem = cluster->name;
	struct cluster_context context = { cluster, what };
	const struct read_more more = { cluster_key, "frontend nodes external forwards parameters",
					false, &context };
	cluster->name = NULL;
	cluster->place = read_places(reader, root, CLUSTER_FIELDS);
	cluster->place.file = reader->file;
	cluster->place.line = 1;
	read_group(reader, root, CLUSTER_FIELDS, cluster, what, &more);
	read_check(reader, root, &KEYS, what);
	AUTO_FREE char *written = cluster->name;
	cluster->name = xstrdup(stem);
	if (written != NULL)
		check_name(reader, cluster, written);
	check_parts(reader, root, cluster, what);
}

/* ---- guests ---- */

static void add_guest(struct reader *reader, struct cluster *cluster,
		      const struct cluster_group *group, const char *name)
{
	static const struct field LABEL = { .name = "name", .type = FIELD_NAME, .max = LABEL_MAX };
	struct err err = ERR_INIT;
	AUTO_FREE char *label = NULL;
	struct cluster_guest *guest = &cluster->guests[cluster->guest_count++];
	*guest = (struct cluster_guest){ group, xstrdup(name),
					 xasprintf("%s-%s", cluster->name, name), NULL };
	if (group->scratch != FIELD_UNSET)
		guest->scratch_id = xasprintf("%s-scratch", guest->id);
	const char *longest = guest->scratch_id ? guest->scratch_id : guest->id;
	struct place place = place_of(group->place, group->names ? "names" : "name");
	if (field_set_text(&LABEL, &label, name, &err) != 0)
		mistake_add(reader->mistakes, place, "cluster \"%s\": group \"%s\": names: %s",
			    cluster->name, group->name, err.text);
	else if (strlen(longest) > LABEL_MAX)
		mistake_add(reader->mistakes, place,
			    "cluster \"%s\": group \"%s\": a disk would be called \"%s\", which "
			    "has %zu characters; a DNS label has %d at most: shorten the name of "
			    "the cluster or of the node",
			    cluster->name, group->name, longest, strlen(longest), LABEL_MAX);
}

static void group_names(struct reader *reader, const struct cluster *cluster,
			const struct cluster_group *group, struct text_list *names)
{
	struct err err = ERR_INIT;
	if (group->names == NULL) {
		for (uint64_t i = 1; group->count != FIELD_UNSET && i <= group->count; i++)
			text_list_take(names,
				       xasprintf("%s%llu", group->name, (unsigned long long)i));
		return;
	}
	if (nodeset_expand(group->names, names, &err) != 0)
		mistake_add(reader->mistakes, place_of(group->place, "names"),
			    "cluster \"%s\": group \"%s\": names: %s", cluster->name, group->name,
			    err.text);
}

/* Two guests of one name in a cluster. */
static void check_guest_names(struct reader *reader, const struct cluster *cluster)
{
	struct map by_name = MAP_INIT;
	for (size_t i = 0; i < cluster->guest_count; i++) {
		struct cluster_guest *guest = &cluster->guests[i];
		const struct cluster_group *group = guest->group;
		const struct cluster_guest *twin = map_put(&by_name, guest->name, guest);
		struct place place = place_of(group->place, group->names ? "names" : "name");
		if (twin == NULL)
			continue;
		if (cluster_is_frontend(twin))
			mistake_add(reader->mistakes, place,
				    "cluster \"%s\": group \"%s\": \"%s\" is what the frontend is "
				    "called; choose another name",
				    cluster->name, group->name, guest->name);
		else
			mistake_add(reader->mistakes, place,
				    "cluster \"%s\": group \"%s\": there is a node \"%s\" already, "
				    "in group \"%s\" (line %u); rename one",
				    cluster->name, group->name, guest->name, twin->group->name,
				    twin->group->place.line);
	}
	map_free(&by_name);
}

static void add_guests(struct reader *reader, struct cluster *cluster)
{
	struct text_list *names = xcalloc(cluster->group_count, sizeof(*names));
	size_t count = 1;
	for (size_t i = 0; i < cluster->group_count; i++) {
		group_names(reader, cluster, &cluster->groups[i], &names[i]);
		count += names[i].count;
	}
	if (count > CLUSTER_GUESTS_MAX) {
		mistake_add(reader->mistakes, cluster->place,
			    "cluster \"%s\": has %zu guests; at most %d", cluster->name, count,
			    CLUSTER_GUESTS_MAX);
	} else {
		cluster->guests = xcalloc(count, sizeof(*cluster->guests));
		if (cluster->frontend.name != NULL)
			add_guest(reader, cluster, &cluster->frontend, CLUSTER_FRONTEND);
		for (size_t i = 0; i < cluster->group_count; i++)
			for (size_t j = 0; j < names[i].count; j++)
				add_guest(reader, cluster, &cluster->groups[i], names[i].items[j]);
		check_guest_names(reader, cluster);
	}
	for (size_t i = 0; i < cluster->group_count; i++)
		text_list_free(&names[i]);
	free(names);
}

static void read_file(struct reader *reader, const char *name, struct cluster *cluster)
{
	AUTO_FREE char *file = xasprintf(CLUSTER_FOLDER "/%s.cfg", name);
	config_t config;
	fields_init(CLUSTER_FIELDS, cluster);
	fields_init(CLUSTER_GROUP_FIELDS, &cluster->frontend);
	fields_init(CLUSTER_EXTERNAL_FIELDS, &cluster->external);
	allocation_init(&cluster->recorded);
	cluster->name = xstrdup(name);
	cluster->place = (struct place){ .file = guard_file(reader->site, file), .line = 1 };
	if (read_config(reader, file, NULL, 0, &config)) {
		read_cluster(reader, config_root_setting(&config), cluster);
		add_guests(reader, cluster);
	}
	config_destroy(&config);
	map_put(&reader->site->cluster_by_name, cluster->name, cluster);
}

void read_stems(struct reader *reader, const char *folder, struct text_list *stems)
{
	AUTO_FREE char *path = xasprintf("%s/%s", reader->dir, folder);
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	struct err err = ERR_INIT;
	if (file_list_dir(path, &names, &err) != 0)
		mistake_add(reader->mistakes, (struct place){ 0 }, "%s", err.text);
	for (size_t i = 0; i < names.count; i++) {
		size_t length = strlen(names.items[i]);
		if (names.items[i][0] != '.' && text_ends(names.items[i], ".cfg"))
			text_list_take(stems, xstrndup(names.items[i], length - 4));
	}
}

/* What nobody reads was meant for something. The frontend is a group here. */
static void check_group_folder(struct reader *reader, const struct cluster *cluster,
			       const char *name)
{
	AUTO_FREE char *path =
		xasprintf("%s/" CLUSTER_FOLDER "/%s/%s", reader->dir, cluster->name, name);
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	bool group = text_equal(name, CLUSTER_FRONTEND);
	for (size_t i = 0; i < cluster->group_count; i++)
		group = group || text_equal(cluster->groups[i].name, name);
	if (!group)
		mistake_add(reader->mistakes, cluster->place,
			    "cluster \"%s\": it has no group \"%.64s\", whose files would be "
			    "in " CLUSTER_FOLDER "/%s/%.64s; rename that folder, or remove it",
			    cluster->name, name, cluster->name, name);
	else if (file_is_dir(path))
		file_list_dir(path, &names, NULL);
	for (size_t i = 0; i < names.count; i++)
		if (names.items[i][0] != '.' && strcmp(names.items[i], "files") != 0)
			mistake_add(reader->mistakes, cluster->place,
				    "cluster \"%s\": nobody reads \"%.64s\" in " CLUSTER_FOLDER
				    "/%s/%s; what is laid over its guests is in files there",
				    cluster->name, names.items[i], cluster->name, name);
}

static void check_folders(struct reader *reader)
{
	AUTO_FREE char *folder = xasprintf("%s/" CLUSTER_FOLDER, reader->dir);
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	file_list_dir(folder, &names, NULL); /* read_stems() tells when it cannot be read */
	for (size_t i = 0; i < names.count; i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", folder, names.items[i]);
		AUTO_LIST struct text_list groups = TEXT_LIST_INIT;
		if (names.items[i][0] == '.' || !file_is_dir(path))
			continue;
		const struct cluster *cluster = site_find_cluster(reader->site, names.items[i]);
		if (cluster == NULL) {
			AUTO_FREE char *file = xasprintf(CLUSTER_FOLDER "/%.64s", names.items[i]);
			struct place place = { .file = guard_file(reader->site, file) };
			mistake_add(reader->mistakes, place,
				    "is for the files of a cluster \"%.64s\", which is not there; "
				    "rename the folder, or remove it",
				    names.items[i]);
			continue;
		}
		file_list_dir(path, &groups, NULL);
		for (size_t j = 0; j < groups.count; j++)
			if (groups.items[j][0] != '.')
				check_group_folder(reader, cluster, groups.items[j]);
	}
}

void read_clusters(struct reader *reader)
{
	struct site *site = reader->site;
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	read_stems(reader, CLUSTER_FOLDER, &names);
	site->clusters = xcalloc(names.count, sizeof(*site->clusters));
	for (size_t i = 0; i < names.count; i++)
		read_file(reader, names.items[i], &site->clusters[site->cluster_count++]);
	check_folders(reader);
}
