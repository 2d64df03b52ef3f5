/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "image/image.h"
#include "programs/command.h"
#include "programs/image.h"

static bool as_json;

static void show(const struct image_event *event, void *context)
{
	static const char *const words[] = { "started", "done", "failed" };
	(void)context;
	if (as_json) {
		json_t *line = json_pack("{s:s, s:s, s:f, s:s}", "image", event->name, "event",
					 words[event->what], "seconds", event->seconds, "text",
					 event->text);
		json_dumpf(line, stdout, JSON_COMPACT);
		putchar('\n');
		fflush(stdout);
		json_decref(line);
	} else if (event->what == IMAGE_STARTED) {
		fprintf(stderr, "%-16s building (%s)\n", event->name, event->text);
	} else if (event->what == IMAGE_DONE) {
		fprintf(stderr, "%-16s done in %.1f s%s%s\n", event->name, event->seconds,
			event->text[0] ? ", " : "", event->text);
	} else {
		fprintf(stderr, "%-16s failed: %s\n", event->name, event->text);
	}
}

/* moyai-node lies beside moyai, or where it is installed. */
static char *moyai_node_path(void)
{
	char exe[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	if (length > 0) {
		exe[length] = '\0';
		char *slash = strrchr(exe, '/');
		*slash = '\0';
		AUTO_FREE char *installed = xasprintf("%s/../lib/moyai/moyai-node", exe);
		if (file_exists(installed))
			return xstrdup(installed);
		return xasprintf("%s/moyai-node", exe);
	}
	return xstrdup("/usr/lib/moyai/moyai-node");
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
	node = moyai_node_path();
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
	image_plan_free(&plan);
	site_free(&site);
	return result;
}

const struct command command_image_build = {
	.name = "image build",
	.usage = "[ROLE…]",
	.summary = "make the appliance images that are missing or stale",
	.run = run,
};
