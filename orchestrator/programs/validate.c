/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "programs/command.h"
#include "programs/show.h"

static size_t resources(const struct site *site)
{
	size_t count = 0;
	for (size_t i = 0; i < site->node_count; i++) {
		const struct site_node *node = &site->nodes[i];
		count += node->wants.count;
		if (node->role != NULL)
			count += node->role->wants->count;
	}
	return count;
}

static void print_number(size_t count, const char *what, const char *after)
{
	printf("%zu %s%s%s", count, what, count == 1 ? "" : "s", after);
}

static void print_text(const struct options *options, const struct site *site)
{
	printf("%s%s%s: ", options->site_dir, options->revision ? " at " : "",
	       options->revision ? options->revision : "");
	print_number(site->node_count, "node", ", ");
	print_number(site->network_count, "network", ", ");
	print_number(resources(site), "resource", "");
	if (site->cluster_count > 0) {
		fputs(", ", stdout);
		print_number(site->cluster_count, "cluster", "");
	}
	puts(": no mistakes");
}

static void print_json(const struct site *site, const struct mistakes *mistakes)
{
	command_print_mistakes(mistakes, true);
	show_json(json_pack(
		"{s:s, s:I, s:I, s:I, s:I, s:I}", "event", "validated", "nodes",
		(json_int_t)site->node_count, "networks", (json_int_t)site->network_count,
		"resources", (json_int_t)resources(site), "clusters",
		(json_int_t)site->cluster_count, "mistakes", (json_int_t)mistakes->count));
}

static int run(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct site site;
	struct mistakes mistakes = MISTAKES_INIT;
	if (argc > 0) {
		err_set(&err, "validate takes no argument \"%s\"; choose the site with -C",
			argv[0]);
		return command_fail(&err);
	}
	if (command_read(options, &site, &mistakes, &err) != 0)
		return command_fail(&err);
	int code = mistakes.count > 0 ? EXIT_ERROR : EXIT_OK;
	if (options->json)
		print_json(&site, &mistakes);
	else if (code == EXIT_OK)
		print_text(options, &site);
	else
		command_print_mistakes(&mistakes, false);
	mistakes_free(&mistakes);
	site_free(&site);
	return code;
}

const struct command command_validate = {
	.name = "validate",
	.usage = "",
	.summary = "check the site, and say every mistake",
	.doc = "Reads site.cfg, clusters/*.cfg, allocations/*.cfg and the roles, and says every\n"
	       "mistake in all of them as FILE:LINE: what is wrong, what would be right. When\n"
	       "there is none, it looks whether the clusters find room. Nothing is contacted.",
	.run = run,
	.options = OPTION_REVISION,
};
