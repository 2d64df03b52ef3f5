/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "programs/relocation.h"
#include "programs/show.h"

/* As many as one like it was seen to have; what is declared may be more than there are. */
static double processors(const struct load *load, const struct site_node *node)
{
	double least = (double)node->guests.vcpus;
	for (size_t i = 0; i < load->count; i++) {
		const struct load_host *host = &load->hosts[i];
		if (host->node->guests.vcpus == node->guests.vcpus && !host->off)
			return host->cpus;
		least = host->cpus < least ? host->cpus : least;
	}
	return least;
}

/* Hosts that are packed are there for when load rises: as empty ones that have to boot first. */
static void add_packed(struct relocation *relocation, const struct text_list *packed)
{
	struct load *load = &relocation->load;
	for (size_t i = 0; i < packed->count; i++) {
		struct site_node *node = site_find_node(&relocation->site, packed->items[i]);
		double cpus = processors(load, node);
		node->guests.closed = false;
		load->hosts = xrealloc(load->hosts, load->count + 1, sizeof(*load->hosts));
		load->hosts[load->count++] =
			(struct load_host){ .node = node, .cpus = cpus, .off = true };
	}
}

static void needed(const struct relocation *relocation, const struct text_list *packed,
		   struct text_list *names)
{
	for (size_t i = 0; i < relocation->moves.count; i++) {
		const char *to = relocation->moves.items[i].to->name;
		if (text_list_has(packed, to) && !text_list_has(names, to))
			text_list_add(names, to);
	}
}

/* Why nothing moves. */
static void tell_nothing(const struct options *options, const struct relocation *relocation)
{
	AUTO_STR struct str span = STR_INIT;
	bool any = false;
	show_seconds(options->for_s, &span);
	for (size_t i = 0; i < relocation->load.count; i++) {
		const struct load_host *host = &relocation->load.hosts[i];
		if (!load_is_short(host))
			continue;
		any = true;
		fprintf(stderr,
			"%s is short of processors, and no move pays for itself: its guests may "
			"not move, have come a short while ago (--stay), or no host has room that "
			"is worth it\n",
			host->node->name);
	}
	if (!any)
		fprintf(stderr,
			"nothing is to move: no host was short of processors for most of %s\n",
			str_text(&span));
}

/* To these hosts, or to all others. */
static int move_some(const struct options *options, const struct relocation *relocation,
		     const struct text_list *hosts, bool to_these)
{
	struct moves moves = { 0 };
	relocation_moves(relocation, hosts, to_these, &moves);
	int result = moves.count > 0 ? moves_run(options, &moves) : EXIT_OK;
	moves_free(&moves);
	return result;
}

/* A host that does not come back is no reason to leave the others as they are. */
static int carry_out(const struct options *options, const struct relocation *relocation,
		     const struct text_list *to_wake)
{
	int result = move_some(options, relocation, to_wake, false);
	if (result != EXIT_OK || to_wake->count == 0)
		return result;
	result = relocation_wake(options, &relocation->site, to_wake);
	return result == EXIT_OK ? move_some(options, relocation, to_wake, true) : result;
}

static int balance(const struct options *options, struct relocation *relocation)
{
	AUTO_LIST struct text_list packed = TEXT_LIST_INIT;
	AUTO_LIST struct text_list to_wake = TEXT_LIST_INIT;
	relocation_packed(&relocation->site, &relocation->runtime, &packed);
	add_packed(relocation, &packed);
	balance_find(&relocation->site, &relocation->allocations, &relocation->load,
		     options->stay_s, &relocation->moves);
	relocation_print(options, relocation);
	needed(relocation, &packed, &to_wake);
	size_t count = relocation->moves.count;
	if (count == 0) {
		tell_nothing(options, relocation);
		return EXIT_OK;
	}
	AUTO_FREE char *question = xasprintf("Move %zu guest%s?", count, count == 1 ? "" : "s");
	return relocation_agreed(options, question) ? carry_out(options, relocation, &to_wake)
						    : EXIT_CHANGES;
}

static int run(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct relocation relocation = { 0 };
	(void)argv;
	if (argc != 0) {
		err_set(&err, "balance takes no words: it looks at all VM servers");
		return command_fail(&err);
	}
	int result = relocation_begin(options, &relocation) == 0 ? balance(options, &relocation)
								 : EXIT_ERROR;
	relocation_end(&relocation);
	return result;
}

const struct command command_balance = {
	.name = "balance",
	.usage = "",
	.summary = "move guests away from hosts that are short of processors",
	.doc = "Looks at all VM servers for a while: what their guests use of processors, and "
	       "what\n"
	       "they wait for them. Where processors were lacking in most of that time, those "
	       "guests\n"
	       "are to move whose move pays for itself within an hour, to the host that is the "
	       "least\n"
	       "loaded; hosts that pack has switched off are switched on when no other has room. "
	       "No\n"
	       "guest moves that has come to its host less than --stay ago. It is shown, asked "
	       "for,\n"
	       "and done as moyai cluster migrate does it. Without a terminal and --yes it is a\n"
	       "proposal: exit code 2.",
	.run = run,
	.options = (OPTIONS_REACH & ~OPTION_LIMIT) | OPTION_YES | OPTION_NO_WAIT | OPTION_FOR |
		   OPTION_STAY,
};
