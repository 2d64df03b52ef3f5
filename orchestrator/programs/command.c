/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/command.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "daemon/store.h"
#include "engine/apart.h"
#include "engine/expand.h"
#include "model/nodeset.h"
#include "programs/revision.h"
#include "programs/show.h"

int command_become(const struct text_list *words, struct err *err)
{
	char **argv = xcalloc(words->count + 1, sizeof(*argv));
	memcpy(argv, words->items, words->count * sizeof(*argv));
	fflush(stdout);
	execvp(argv[0], argv);
	int why = errno;
	free(argv);
	return err_set_errno(err, why, "%s: cannot be started", words->items[0]);
}

int command_fail(const struct err *err)
{
	/* Words of nodes and of the command line may be in it. */
	AUTO_STR struct str safe = STR_INIT;
	AUTO_FREE char *text = xstrdup(err->text);
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		show_safe(&safe, line);
		str_add(&safe, rest ? "\n" : "");
	}
	fprintf(stderr, "moyai: %s\n", str_text(&safe));
	return EXIT_ERROR;
}

static void print_json_line(const struct mistake *mistake)
{
	json_t *json = json_pack("{s:s, s:s}", "event", "mistake", "text", mistake->text);
	if (mistake->place.file != NULL)
		json_object_set_new(json, "file", json_string(mistake->place.file));
	if (mistake->place.line > 0)
		json_object_set_new(json, "line", json_integer(mistake->place.line));
	show_json(json);
}

int command_print_mistakes(const struct mistakes *mistakes, bool json)
{
	for (size_t i = 0; json && i < mistakes->count; i++)
		print_json_line(&mistakes->items[i]);
	if (json)
		return EXIT_ERROR;
	AUTO_STR struct str text = STR_INIT;
	mistakes_print(mistakes, &text);
	fprintf(stderr, "%s%zu mistake%s\n", str_text(&text), mistakes->count,
		mistakes->count == 1 ? "" : "s");
	return EXIT_ERROR;
}

static int read_site(const struct options *options, struct site *site, struct mistakes *mistakes,
		     struct err *err)
{
	char *dir = NULL;
	if (options->revision == NULL)
		return site_read(options->site_dir, options->share_dir, site, mistakes, err);
	if (revision_extract(options->site_dir, options->revision, &dir, err) != 0)
		return -1;
	AUTO_FREE char *config = xasprintf("%s/site.cfg", dir);
	int rc;
	if (file_exists(config)) /* all of it is in memory then */
		rc = site_read(dir, options->share_dir, site, mistakes, err);
	else
		rc = err_set(err, "%s: there is no site.cfg in revision \"%s\"", options->site_dir,
			     options->revision);
	revision_discard(dir);
	return rc;
}

/* Whether clusters find room is looked at when all else is right: a host with a mistake would
   lead to others that nobody made. */
int command_read(const struct options *options, struct site *site, struct mistakes *mistakes,
		 struct err *err)
{
	struct allocations allocations;
	if (read_site(options, site, mistakes, err) != 0)
		return -1;
	if (mistakes->count == 0)
		apart_check(site, mistakes);
	if (mistakes->count > 0 || site->cluster_count == 0)
		return 0;
	if (allocate(site, &allocations, mistakes, err) != 0) {
		site_free(site);
		return -1;
	}
	if (mistakes->count == 0)
		expand(site, &allocations, mistakes);
	allocations_free(&allocations);
	mistakes_sort(mistakes, &site->files);
	return 0;
}

int command_site(const struct options *options, struct site *site)
{
	struct err err = ERR_INIT;
	struct mistakes mistakes = MISTAKES_INIT;
	*site = (struct site){ 0 };
	if (command_read(options, site, &mistakes, &err) != 0) {
		command_fail(&err);
		return -1;
	}
	if (mistakes.count == 0)
		return 0;
	command_print_mistakes(&mistakes, options->json);
	mistakes_free(&mistakes);
	site_free(site);
	return -1;
}

static char *default_state_dir(const struct site *site, struct err *err)
{
	/* On a cluster manager, where moyaid keeps it. */
	if (file_exists(STORE_DIR "/state/site.key"))
		return xstrdup(STORE_DIR "/state");
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	/* The specification of XDG base directories: a relative path is ignored. */
	if (state != NULL && state[0] == '/')
		return xasprintf("%s/moyai/%s", state, site->name);
	if (home != NULL && home[0] == '/')
		return xasprintf("%s/.local/state/moyai/%s", home, site->name);
	err_set(err, "neither XDG_STATE_HOME nor HOME is set; choose a directory with --state");
	return NULL;
}

char *command_state_dir(const struct options *options, const struct site *site)
{
	struct err err = ERR_INIT;
	char *dir =
		options->state_dir ? xstrdup(options->state_dir) : default_state_dir(site, &err);
	if (dir != NULL && file_make_dirs(dir, 0700, &err) == 0)
		return dir;
	free(dir);
	command_fail(&err);
	return NULL;
}

int command_nodes(const struct options *options, const struct site *site, struct text_list *names)
{
	struct err err = ERR_INIT;
	if (nodeset_parse(options->limit ? options->limit : "@all", site, names, &err) == 0)
		return 0;
	if (options->limit)
		err_context(&err, "--limit");
	else
		err_set(&err, "the site has no nodes; add one to nodes in site.cfg");
	command_fail(&err);
	return -1;
}
