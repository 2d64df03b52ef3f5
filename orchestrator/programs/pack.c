/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "model/nodeset.h"
#include "power/power.h"
#include "programs/reach.h"
#include "programs/relocation.h"
#include "programs/show.h"
#include "programs/vacate.h"

/* What it is about. */
struct pack {
	struct relocation relocation;
	struct text_list emptied; /* hosts that are to have nothing */
	struct text_list left_on; /* packed, and on: an earlier try came no further */
};

static void find_left_on(struct pack *pack)
{
	AUTO_LIST struct text_list packed = TEXT_LIST_INIT;
	const struct relocation *relocation = &pack->relocation;
	relocation_packed(&relocation->site, &relocation->runtime, &packed);
	for (size_t i = 0; i < packed.count; i++)
		if (!power_is_off(relocation->state_dir,
				  site_find_node(&relocation->site, packed.items[i])))
			text_list_add(&pack->left_on, packed.items[i]);
}

static void print_names(const struct text_list *names, const char *what)
{
	AUTO_STR struct str folded = STR_INIT;
	nodeset_fold(names, &folded);
	if (names->count > 0)
		printf("%s: %s\n", str_text(&folded), what);
}

static void print(const struct options *options, const struct pack *pack)
{
	relocation_print(options, &pack->relocation);
	for (size_t i = 0; options->json && i < pack->emptied.count; i++)
		show_json(
			json_pack("{s:s, s:s}", "event", "empty", "node", pack->emptied.items[i]));
	if (!options->json) {
		print_names(&pack->left_on, "packed, and still on: to be switched off");
		print_names(&pack->emptied, "to be switched off");
	}
	if (pack->emptied.count + pack->left_on.count == 0)
		fputs("no host can be emptied: what they have fits on no fewer, came a short while "
		      "ago (--stay), may not move, or they serve others or have no bmc\n",
		      stderr);
	fflush(stdout);
}

/* Of all that runs there, whoever started it. */
static int check_empty(const struct options *options, const struct text_list *names,
		       struct err *err)
{
	struct reach reach = { 0 };
	int rc = reach_site(options, NULL, NULL, &reach);
	text_list_free(&reach.names);
	text_list_copy(&reach.names, names);
	if (rc == 0)
		rc = reach_nodes(options, &reach);
	if (rc != 0)
		err_set(err, "the hosts cannot be asked whether they are empty");
	else
		rc = fleet_each(&reach.fleet, host_facts, err);
	progress_close(&reach.progress);
	for (size_t i = 0; rc == 0 && i < reach.fleet.chosen; i++) {
		const struct host *host = &reach.fleet.hosts[i];
		const json_t *guest = json_array_get(json_object_get(host->facts, "guests"), 0);
		const char *name = json_string_value(json_object_get(guest, "name"));
		/* One that is off has nothing. */
		if (host->failed != NULL && !power_is_off(reach.state_dir, host->node))
			rc = err_set(err, "%s does not say what it has: %s", host->name,
				     host->failed);
		else if (guest != NULL)
			rc = err_set(err, "%s has got %s meanwhile; moyai maintenance off %s",
				     host->name, name ? name : "a guest", host->name);
	}
	reach_close(&reach);
	return rc;
}

static int switch_off(const struct options *options, const struct text_list *names)
{
	struct err err = ERR_INIT;
	struct options agreed = *options;
	AUTO_STR struct str folded = STR_INIT;
	char word[] = "off";
	nodeset_fold(names, &folded);
	char *words[] = { word, folded.data };
	agreed.yes = true;
	if (names->count == 0)
		return EXIT_OK;
	if (check_empty(options, names, &err) != 0)
		return command_fail(&err);
	int result = command_power.run(&agreed, COUNT_OF(words), words);
	if (result != EXIT_OK)
		fprintf(stderr,
			"%s: empty, and in maintenance; moyai pack tries again to switch off what "
			"is on\n",
			str_text(&folded));
	return result;
}

static int carry_out(const struct options *options, const struct pack *pack)
{
	struct moves moves = { 0 };
	static const struct text_list NONE = TEXT_LIST_INIT;
	int result = switch_off(options, &pack->left_on);
	relocation_moves(&pack->relocation, &NONE, false, &moves);
	if (result == EXIT_OK && pack->emptied.count > 0)
		result = vacate(options, &pack->relocation.site, &pack->emptied, &moves,
				RELOCATION_PACKED, "moyai unpack");
	moves_free(&moves);
	return result == EXIT_OK ? switch_off(options, &pack->emptied) : result;
}

static int pack(const struct options *options, struct pack *pack)
{
	struct relocation *relocation = &pack->relocation;
	AUTO_LIST struct text_list all = TEXT_LIST_INIT;
	AUTO_STR struct str folded = STR_INIT;
	find_left_on(pack);
	pack_find(&relocation->site, &relocation->allocations, &relocation->load, options->stay_s,
		  &relocation->moves, &pack->emptied);
	print(options, pack);
	text_list_copy(&all, &pack->left_on);
	for (size_t i = 0; i < pack->emptied.count; i++)
		text_list_add(&all, pack->emptied.items[i]);
	if (all.count == 0)
		return EXIT_OK;
	nodeset_fold(&all, &folded);
	size_t count = relocation->moves.count;
	AUTO_FREE char *question = xasprintf("Move %zu guest%s, and switch %s off?", count,
					     count == 1 ? "" : "s", str_text(&folded));
	return relocation_agreed(options, question) ? carry_out(options, pack) : EXIT_CHANGES;
}

static int run(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct pack work = { .emptied = TEXT_LIST_INIT };
	(void)argv;
	if (argc != 0) {
		err_set(&err, "pack takes no words: it looks at all VM servers");
		return command_fail(&err);
	}
	int result = relocation_begin(options, &work.relocation) == 0 ? pack(options, &work)
								      : EXIT_ERROR;
	text_list_free(&work.left_on);
	text_list_free(&work.emptied);
	relocation_end(&work.relocation);
	return result;
}

const struct command command_pack = {
	.name = "pack",
	.usage = "",
	.summary = "bring guests together on fewer hosts, and switch the others off",
	.doc = "Looks at all VM servers for a while, as balance does, and empties those whose "
	       "guests\n"
	       "fit on others: by what is declared, and by the processors that they were seen to "
	       "want.\n"
	       "Hosts without a bmc stay, since nobody could switch them on again; so do those "
	       "that\n"
	       "were booted, or got a guest, less than --stay ago. It is shown and asked for; then "
	       "the\n"
	       "guests move, and the emptied hosts are in maintenance and switched off. moyai "
	       "balance\n"
	       "switches one on when load has risen, and moyai unpack when it is told to. Without "
	       "a\n"
	       "terminal and --yes it is a proposal: exit code 2.",
	.run = run,
	.options = (OPTIONS_REACH & ~OPTION_LIMIT) | OPTION_YES | OPTION_NO_WAIT | OPTION_FOR |
		   OPTION_STAY,
};

/* ---- unpack ---- */

/* Whatever else the site has no room for: it is needed then. */
static int unpack(const struct options *options, const char *nodes, const struct site *site)
{
	struct err err = ERR_INIT;
	struct runtime runtime;
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	AUTO_LIST struct text_list packed = TEXT_LIST_INIT;
	AUTO_FREE char *state_dir = command_state_dir(options, site);
	if (state_dir == NULL)
		return EXIT_ERROR;
	if (nodeset_parse(nodes, site, &names, &err) != 0 ||
	    reach_hear_manager(options, state_dir, &err) != 0 ||
	    runtime_read(state_dir, &runtime, &err) != 0)
		return command_fail(&err);
	relocation_packed(site, &runtime, &packed);
	runtime_free(&runtime);
	for (size_t i = 0; i < names.count; i++)
		if (!text_list_has(&packed, names.items[i])) {
			err_set(&err,
				"%s is not packed; moyai maintenance lists the nodes that are",
				names.items[i]);
			return command_fail(&err);
		}
	return relocation_wake(options, site, &names);
}

static int run_unpack(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct site site;
	if (argc != 1) {
		err_set(&err, "unpack takes one node set, like vm[3-4]");
		return command_fail(&err);
	}
	if (command_site(options, &site) != 0)
		return EXIT_ERROR;
	int result = unpack(options, argv[0], &site);
	site_free(&site);
	return result;
}

const struct command command_unpack = {
	.name = "unpack",
	.usage = "NODES",
	.summary = "switch hosts on that pack has switched off",
	.doc = "When they answer they are applied, their maintenance ends, and guests are placed "
	       "there\n"
	       "again.",
	.run = run_unpack,
	.options = OPTIONS_REACH & ~OPTION_LIMIT,
};
