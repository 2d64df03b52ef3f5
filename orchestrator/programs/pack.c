/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "model/nodeset.h"
#include "programs/relocation.h"
#include "programs/show.h"
#include "programs/vacate.h"

static void print(const struct options *options, const struct relocation *relocation,
		  const struct text_list *emptied)
{
	AUTO_STR struct str folded = STR_INIT;
	relocation_print(options, relocation);
	nodeset_fold(emptied, &folded);
	for (size_t i = 0; options->json && i < emptied->count; i++)
		show_json(json_pack("{s:s, s:s}", "event", "empty", "node", emptied->items[i]));
	if (emptied->count == 0)
		fputs("no host can be emptied: what they have fits on no fewer, came a short while "
		      "ago (--stay), may not move, or they have no bmc\n",
		      stderr);
	else if (!options->json)
		printf("%s: to be switched off\n", str_text(&folded));
	fflush(stdout);
}

static int carry_out(const struct options *options, const struct relocation *relocation,
		     const struct text_list *emptied)
{
	struct options agreed = *options;
	struct moves moves = { 0 };
	AUTO_STR struct str folded = STR_INIT;
	char word[] = "off";
	agreed.yes = true;
	nodeset_fold(emptied, &folded);
	char *words[] = { word, folded.data };
	relocation_moves(relocation, &moves);
	int result = vacate(&agreed, &relocation->site, emptied, &moves, RELOCATION_PACKED,
			    "moyai unpack");
	moves_free(&moves);
	return result == EXIT_OK ? command_power.run(&agreed, COUNT_OF(words), words) : result;
}

static int pack(const struct options *options, struct relocation *relocation)
{
	AUTO_LIST struct text_list emptied = TEXT_LIST_INIT;
	AUTO_STR struct str folded = STR_INIT;
	pack_find(&relocation->site, &relocation->allocations, &relocation->load, options->stay_s,
		  &relocation->moves, &emptied);
	print(options, relocation, &emptied);
	if (emptied.count == 0)
		return EXIT_OK;
	nodeset_fold(&emptied, &folded);
	size_t count = relocation->moves.count;
	AUTO_FREE char *question = xasprintf("Move %zu guest%s, and switch %s off?", count,
					     count == 1 ? "" : "s", str_text(&folded));
	return relocation_agreed(options, question) ? carry_out(options, relocation, &emptied)
						    : EXIT_CHANGES;
}

static int run(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct relocation relocation = { 0 };
	(void)argv;
	if (argc != 0) {
		err_set(&err, "pack takes no words: it looks at all VM servers");
		return command_fail(&err);
	}
	int result = relocation_begin(options, &relocation) == 0 ? pack(options, &relocation)
								 : EXIT_ERROR;
	relocation_end(&relocation);
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

static int unpack(const struct options *options, const char *nodes, struct relocation *relocation)
{
	struct err err = ERR_INIT;
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	AUTO_LIST struct text_list packed = TEXT_LIST_INIT;
	if (nodeset_parse(nodes, &relocation->site, &names, &err) != 0)
		return command_fail(&err);
	relocation_packed(relocation, &packed);
	for (size_t i = 0; i < names.count; i++)
		if (!text_list_has(&packed, names.items[i])) {
			err_set(&err,
				"%s is not packed; moyai maintenance lists the nodes that are",
				names.items[i]);
			return command_fail(&err);
		}
	return relocation_wake(options, &relocation->site, &names);
}

static int run_unpack(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct relocation relocation = { 0 };
	if (argc != 1) {
		err_set(&err, "unpack takes one node set, like vm[3-4]");
		return command_fail(&err);
	}
	int result = relocation_read(options, &relocation) == 0
			     ? unpack(options, argv[0], &relocation)
			     : EXIT_ERROR;
	relocation_end(&relocation);
	return result;
}

const struct command command_unpack = {
	.name = "unpack",
	.usage = "NODES",
	.summary = "switch hosts on that pack has switched off",
	.doc = "When they answer their maintenance ends, and guests are placed there again.",
	.run = run_unpack,
	.options = OPTIONS_REACH & ~OPTION_LIMIT,
};
