/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "image/generation.h"
#include "model/images.h"
#include "model/manifest.h"
#include "model/nodeset.h"
#include "programs/command.h"
#include "programs/site_edit.h"
#include "programs/takeover.h"

#define NEWEST "latest"

/* A version that its role has; the error names those. */
static int check_version(const struct options *options, const struct site_node *node,
			 const char *version, struct err *err)
{
	AUTO_FREE char *folder = image_folder(node->role_name, version);
	AUTO_LIST struct text_list versions = TEXT_LIST_INIT;
	AUTO_STR struct str known = STR_INIT;
	struct manifest manifest;
	/* Not "../../storage", which is a folder with a manifest, too. */
	if (strchr(version, '/') == NULL &&
	    manifest_read(options->images_dir, folder, &manifest, NULL) == 0) {
		manifest_free(&manifest);
		return 0;
	}
	if (generation_list(options->images_dir, node->role_name, &versions, err) != 0)
		return -1;
	for (size_t i = 0; i < versions.count; i++)
		str_addf(&known, "%s %s", i ? "," : "", versions.items[i]);
	return err_set(err, "%s: role %s has no image \"%s\"; it has:%s", node->name,
		       node->role_name, version, versions.count ? str_text(&known) : " none");
}

/* The declared value, in one file; without any, no file. */
static int write_file(const struct options *options, const struct site *site, struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/" IMAGES_FILE, options->site_dir);
	AUTO_STR struct str text = STR_INIT;
	bool any = false;
	for (size_t i = 0; i < site->node_count; i++)
		any = any || site->nodes[i].image != NULL;
	if (!any)
		return file_remove(path, err);
	images_print(site, &text);
	return file_write(path, str_text(&text), text.length, 0644, err);
}

static int change(const struct options *options, struct site *site, const char *version,
		  const struct text_list *names, size_t *changed, struct err *err)
{
	const char *wanted = strcmp(version, NEWEST) == 0 ? NULL : version;
	*changed = 0;
	for (size_t i = 0; wanted && i < names->count; i++)
		if (check_version(options, site_find_node(site, names->items[i]), wanted, err) != 0)
			return -1;
	for (size_t i = 0; i < names->count; i++) {
		struct site_node *node = site_find_node(site, names->items[i]);
		if (text_equal(node->image, wanted))
			continue;
		printf("%s: %s -> %s\n", node->name, node->image ? node->image : NEWEST, version);
		free(node->image);
		node->image = xstrdup(wanted);
		(*changed)++;
	}
	AUTO_STR struct str nodes = STR_INIT;
	nodeset_fold(names, &nodes);
	AUTO_FREE char *message = xasprintf("Image %s for %s", version, str_text(&nodes));
	AUTO_LIST struct text_list files = TEXT_LIST_INIT;
	text_list_add(&files, IMAGES_FILE);
	if (*changed > 0 && write_file(options, site, err) != 0)
		return -1;
	/* Also when an earlier try came no further than to write it. */
	return site_edit_commit(options, &files, message, err);
}

static int run(const struct options *options, int argc, char **argv)
{
	struct site site;
	struct takeover takeover = { 0 };
	struct err err = ERR_INIT;
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	size_t changed = 0;
	if (argc != 2) {
		err_set(&err, "image use: write a version (or " NEWEST ") and the nodes");
		return command_fail(&err);
	}
	AUTO_CLOSE int turn = site_edit_begin(options, &err);
	if (turn < 0)
		return command_fail(&err);
	if (command_site(options, &site) != 0)
		return EXIT_ERROR;
	AUTO_FREE char *state = command_state_dir(options, &site);
	int rc = state ? 0 : -1;
	if (rc == 0 && (nodeset_parse(argv[1], &site, &names, &err) != 0 ||
			takeover_read(state, &takeover, &err) != 0 ||
			change(options, &site, argv[0], &names, &changed, &err) != 0))
		rc = command_fail(&err);
	fflush(stdout);
	if (rc == 0 && changed == 0)
		fputs("nothing changes\n", stderr);
	else if (rc == 0)
		fprintf(stderr, "from their next start on%s\n",
			takeover.node ? ", when moyai bootstrap has brought it to the manager"
				      : "");
	takeover_free(&takeover);
	site_free(&site);
	return rc == 0 ? EXIT_OK : EXIT_ERROR;
}

const struct command command_image_use = {
	.name = "image use",
	.usage = "VERSION|latest NODES",
	.summary = "let nodes boot another generation of their image; back the same way",
	.doc = "Written into images.cfg beside site.cfg; the nodes boot it when they boot next.",
	.run = run,
};
