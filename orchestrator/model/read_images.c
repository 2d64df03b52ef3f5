/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "base/file.h"
#include "model/images.h"
#include "model/read.h"

/* One { version = "…"; nodes = [ … ]; } of images.cfg. */
struct use {
	char *version;
	struct text_list nodes;
};
static const struct field USE_FIELDS[] = {
	{ "version", FIELD_NAME, offsetof(struct use, version), FIELD_REQUIRED, 1, 63, NULL, NULL,
	  "version of the image, as moyai image list shows it" },
	{ "nodes", FIELD_LIST, offsetof(struct use, nodes), FIELD_REQUIRED, 0, 0, NULL, NULL,
	  "the nodes that boot it" },
	FIELD_END
};

static void use_image(struct reader *reader, const struct use *use, struct place place)
{
	for (size_t i = 0; i < use->nodes.count; i++) {
		struct site_node *node = site_find_node(reader->site, use->nodes.items[i]);
		if (node == NULL) {
			mistake_add(reader->mistakes, place,
				    "image \"%s\": there is no node \"%.80s\"; moyai image use "
				    "writes this file again",
				    use->version, use->nodes.items[i]);
		} else if (node->image != NULL) {
			mistake_add(reader->mistakes, place,
				    "image \"%s\": node \"%s\" boots image \"%s\" already; name it "
				    "once",
				    use->version, node->name, node->image);
		} else {
			node->image = xstrdup(use->version);
		}
	}
}

static void read_use(struct reader *reader, const config_setting_t *group, unsigned index)
{
	struct use use;
	AUTO_FREE char *what = xasprintf("image %u", index + 1);
	fields_init(USE_FIELDS, &use);
	if (read_is_group(reader, group, what) &&
	    read_group(reader, group, USE_FIELDS, &use, what, NULL) == 0)
		use_image(reader, &use, read_place(reader, group));
	fields_free(USE_FIELDS, &use);
}

static bool images_key(struct reader *reader, const config_setting_t *member, void *context)
{
	(void)context;
	if (!text_equal(config_setting_name(member), "images"))
		return false;
	if (read_is_list(reader, member, "images"))
		for (int i = 0; i < config_setting_length(member); i++)
			read_use(reader, config_setting_get_elem(member, (unsigned)i), (unsigned)i);
	return true;
}

void read_images(struct reader *reader)
{
	static const struct field NO_FIELDS[] = { FIELD_END };
	const struct read_more more = { images_key, "images", false, NULL };
	AUTO_FREE char *path = xasprintf("%s/" IMAGES_FILE, reader->dir);
	config_t config;
	if (!file_exists(path))
		return;
	if (read_config(reader, IMAGES_FILE, NULL, 0, &config))
		read_group(reader, config_root_setting(&config), NO_FIELDS, NULL, "", &more);
	config_destroy(&config);
}

void images_print(const struct site *site, struct str *out)
{
	AUTO_LIST struct text_list done = TEXT_LIST_INIT;
	str_add(out,
		"# Written by moyai image use: nodes that boot another image than the newest.\n"
		"images = (");
	for (size_t i = 0; i < site->node_count; i++) {
		const char *version = site->nodes[i].image;
		if (version == NULL || text_list_has(&done, version))
			continue;
		str_addf(out, "%s\n\t{ version = \"%s\"; nodes = [ ", done.count ? "," : "",
			 version);
		const char *comma = "";
		for (size_t j = i; j < site->node_count; j++) {
			if (!text_equal(site->nodes[j].image, version))
				continue;
			str_addf(out, "%s\"%s\"", comma, site->nodes[j].name);
			comma = ", ";
		}
		str_add(out, " ]; }");
		text_list_add(&done, version);
	}
	str_add(out, "\n);\n");
}
