/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "image/generation.h"
#include "image/image.h"
#include "programs/command.h"
#include "programs/image.h"
#include "programs/places.h"
#include "programs/show.h"
#include "programs/status.h"

static bool as_json;

static void show(const struct image_event *event, void *context)
{
	static const char *const words[] = { "started", "done", "failed" };
	(void)context;
	if (as_json) {
		show_json(json_pack("{s:s, s:s, s:f, s:s}", "image", event->name, "event",
				    words[event->what], "seconds", event->seconds, "text",
				    event->text));
		fflush(stdout);
	} else if (event->what == IMAGE_STARTED) {
		fprintf(stderr, "%-16s building (%s)\n", event->name, event->text);
	} else if (event->what == IMAGE_DONE) {
		fprintf(stderr, "%-16s done in %.1f s%s%s\n", event->name, event->seconds,
			event->text[0] ? ", " : "", event->text);
	} else {
		fprintf(stderr, "%-16s failed: %s\n", event->name, event->text);
	}
}

int image_command_plan(const struct options *options, int argc, char **argv, struct site *site,
		       struct image_plan *plan)
{
	struct err err = ERR_INIT;
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	/* Owned by the caller's process until it ends: the plan borrows them. */
	static char images[PATH_MAX];
	static char share[PATH_MAX];
	static char *node;
	if (command_site(options, site) != 0)
		return -1;
	node = places_for_nodes("moyai-node.deb");
	for (int i = 0; i < argc; i++)
		text_list_add(&names, argv[i]);
	if (file_make_dirs(options->images_dir, 0755, &err) != 0 ||
	    realpath(options->images_dir, images) == NULL ||
	    realpath(options->share_dir, share) == NULL) {
		if (err.text[0] == '\0')
			err_set(&err, "%s or %s cannot be found", options->images_dir,
				options->share_dir);
		command_fail(&err);
		free(node);
		site_free(site);
		return -1;
	}
	struct image_dirs dirs = { .share = share, .images = images, .moyai_node = node };
	if (image_plan_make(&dirs, site, &names, plan, &err) != 0) {
		command_fail(&err);
		free(node);
		site_free(site);
		return -1;
	}
	return 0;
}

/* What nodes boot from their next start on by images.cfg, and what each booted last. */
static void versions_in_use(const struct site *site, const char *state_dir,
			    struct text_list *in_use)
{
	for (size_t i = 0; i < site->node_count; i++) {
		json_t *boot = status_boot(state_dir, site->nodes[i].name);
		const char *booted = json_string_value(json_object_get(boot, "image"));
		if (site->nodes[i].image != NULL)
			text_list_add(in_use, site->nodes[i].image);
		if (booted != NULL)
			text_list_add(in_use, booted);
		json_decref(boot);
	}
}

/* What is there now becomes a generation, and old ones go. */
static int keep_generations(const struct options *options, const struct image_plan *plan,
			    const struct site *site)
{
	struct err err = ERR_INIT;
	AUTO_LIST struct text_list removed = TEXT_LIST_INIT;
	AUTO_LIST struct text_list in_use = TEXT_LIST_INIT;
	AUTO_FREE char *state_dir = command_state_dir(options, site);
	if (state_dir == NULL)
		fputs("so nobody knows what nodes have booted, and old generations stay\n", stderr);
	else
		versions_in_use(site, state_dir, &in_use);
	int rc = 0;
	for (size_t i = 0; i < plan->role_count; i++) {
		const char *role = plan->roles[i].role->name;
		AUTO_FREE char *path = xasprintf("%s/%s/manifest.json", plan->dirs.images, role);
		if (!file_exists(path))
			continue;
		if (generation_keep(plan->dirs.images, role, &err) != 0 ||
		    (state_dir &&
		     generation_prune(plan->dirs.images, role, &in_use, &removed, &err) != 0)) {
			command_fail(&err);
			rc = -1;
		}
	}
	for (size_t i = 0; i < removed.count; i++)
		if (!as_json)
			fprintf(stderr, "%s: an old generation, removed\n", removed.items[i]);
	return rc;
}

static int run(const struct options *options, int argc, char **argv)
{
	struct site site;
	struct image_plan plan;
	struct err err = ERR_INIT;
	if (image_command_plan(options, argc, argv, &site, &plan) != 0)
		return EXIT_ERROR;
	as_json = options->json;
	int result = EXIT_OK;
	for (size_t i = 0; i < plan.role_count; i++)
		if (!plan.roles[i].stale && !as_json)
			fprintf(stderr, "%-16s up to date\n", plan.roles[i].role->name);
	if (image_build(&plan, show, NULL, &err) != 0)
		result = command_fail(&err);
	/* Also after a failure: what was made is kept. */
	if (keep_generations(options, &plan, &site) != 0)
		result = EXIT_ERROR;
	image_plan_free(&plan);
	site_free(&site);
	return result;
}

const struct command command_image_build = {
	.name = "image build",
	.usage = "[ROLE…]",
	.summary = "make the appliance images that are missing or stale",
	.doc = "Compares everything that decides the bytes of an image (packages, files,\n"
	       "scripts, the package index, moyai-node) with what the image was made from, and\n"
	       "makes again what differs; ROLE… chooses the images, all of the site otherwise.\n"
	       "Needs root, or users of one's own in /etc/subuid.",
	.run = run,
};
