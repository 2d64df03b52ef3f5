/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/relocation.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "model/nodeset.h"
#include "programs/ask.h"
#include "programs/cluster.h"
#include "programs/interrupt.h"
#include "programs/load_watch.h"
#include "programs/maintenance.h"
#include "programs/reach.h"
#include "programs/show.h"

enum {
	WAKE_S = 900, /* firmware of large machines takes minutes to count their memory */
	WAKE_PAUSE_S = 5,
};

/* ---- begin and end ---- */

/* Somebody else may have packed a host, or put one in maintenance. */
static int read_runtime(const struct options *options, struct relocation *relocation)
{
	struct err err = ERR_INIT;
	struct site site;
	if (command_site(options, &site) != 0)
		return -1;
	relocation->state_dir = command_state_dir(options, &site);
	site_free(&site);
	if (relocation->state_dir == NULL)
		return -1;
	if (reach_hear_manager(options, relocation->state_dir, &err) != 0 ||
	    runtime_read(relocation->state_dir, &relocation->runtime, &err) != 0) {
		command_fail(&err);
		return -1;
	}
	return 0;
}

/* A move that was not finished takes room on two hosts, and who decides on more makes more of these. */
static int check_on_their_way(const struct relocation *relocation)
{
	struct err err = ERR_INIT;
	size_t count = 0;
	for (size_t i = 0; i < relocation->site.cluster_count; i++) {
		const struct cluster *cluster = &relocation->site.clusters[i];
		const struct allocation *made = &relocation->allocations.items[i];
		for (size_t j = 0; cluster_is_running(cluster) && j < cluster->guest_count; j++) {
			if (made->guests[j].to == NULL)
				continue;
			err_set(&err,
				"%s is on its way to %s, and that comes first: moyai cluster "
				"migrate %s %s finishes it, and the same with %s takes it back",
				cluster->guests[j].id, made->guests[j].to, cluster->guests[j].id,
				made->guests[j].to, made->guests[j].host);
			command_fail(&err);
			count++;
		}
	}
	return count > 0 ? -1 : 0;
}

int relocation_begin(const struct options *options, struct relocation *relocation)
{
	return read_runtime(options, relocation) == 0 &&
			       cluster_command_read(options, &relocation->site,
						    &relocation->allocations) == 0 &&
			       check_on_their_way(relocation) == 0 &&
			       load_watch(options, &relocation->site, &relocation->load) == 0
		       ? 0
		       : -1;
}

void relocation_end(struct relocation *relocation)
{
	balance_moves_free(&relocation->moves);
	load_free(&relocation->load);
	allocations_free(&relocation->allocations);
	site_free(&relocation->site);
	runtime_free(&relocation->runtime);
	free(relocation->state_dir);
}

void relocation_packed(const struct site *site, const struct runtime *runtime,
		       struct text_list *names)
{
	for (size_t i = 0; i < runtime->maintenance_count; i++) {
		const struct maintenance *item = &runtime->maintenance[i];
		const struct site_node *node = site_find_node(site, item->node);
		if (text_equal(item->reason, RELOCATION_PACKED) && node != NULL &&
		    node->guests.vcpus != FIELD_UNSET && node->bmc.type != NULL)
			text_list_add(names, item->node);
	}
}

/* ---- what is shown ---- */

static double waits(const struct load_host *host)
{
	double sum = 0;
	for (size_t i = 0; i < host->guest_count; i++)
		sum += host->guests[i].waits;
	return sum;
}

static void add_number(struct show_table *table, double number)
{
	AUTO_FREE char *text = xasprintf("%.1f", number);
	show_cell(table, text);
}

static void add_duration(struct show_table *table, double seconds)
{
	AUTO_STR struct str text = STR_INIT;
	show_seconds((uint64_t)(seconds + 0.5), &text);
	show_cell(table, str_text(&text));
}

static void add_words(struct show_table *table, const char *const *words)
{
	for (size_t i = 0; i < table->columns; i++)
		show_cell(table, words[i]);
}

static void print_hosts(const struct load *load, struct str *out)
{
	static const char *const HEAD[] = { "HOST",  "PROCESSORS", "WANTED",
					    "LACKS", "GUESTS",	   "STATE" };
	struct show_table table = { .columns = COUNT_OF(HEAD) };
	add_words(&table, HEAD);
	for (size_t i = 0; i < load->count; i++) {
		const struct load_host *host = &load->hosts[i];
		AUTO_FREE char *guests = xasprintf("%zu", host->guest_count);
		AUTO_FREE char *times =
			xasprintf("short %u of %u times", host->short_times, host->times);
		show_cell(&table, host->node->name);
		add_number(&table, host->cpus);
		add_number(&table, load_host_wants(host));
		add_number(&table, waits(host));
		show_cell(&table, guests);
		show_cell(&table, host->off ? "off" : host->short_times ? times : "well");
	}
	show_table_print(&table, out);
	show_table_free(&table);
}

/* What is moved to empty a host gains nothing of processors. */
static void print_moves(const struct balance_moves *moves, struct str *out)
{
	static const char *const HEAD[] = { "GUEST", "FROM", "TO", "WANTS", "COSTS", "GAINS" };
	struct show_table table = { .columns = COUNT_OF(HEAD) };
	if (moves->count == 0)
		return;
	add_words(&table, HEAD);
	for (size_t i = 0; i < moves->count; i++) {
		const struct balance_move *move = &moves->items[i];
		show_cell(&table, move->guest->id);
		show_cell(&table, move->from->name);
		show_cell(&table, move->to->name);
		add_number(&table, move->wants);
		add_duration(&table, move->costs_s);
		if (move->gains_s > 0)
			add_duration(&table, move->gains_s);
		else
			show_cell(&table, "-");
	}
	show_table_print(&table, out);
	show_table_free(&table);
}

static void print_json(const struct relocation *relocation)
{
	for (size_t i = 0; i < relocation->load.count; i++) {
		const struct load_host *host = &relocation->load.hosts[i];
		show_json(json_pack("{s:s, s:s, s:f, s:f, s:f, s:i, s:i, s:i, s:b}", "event",
				    "load", "node", host->node->name, "processors", host->cpus,
				    "wants", load_host_wants(host), "lacks", waits(host), "guests",
				    (int)host->guest_count, "short", (int)host->short_times,
				    "times", (int)host->times, "off", (int)host->off));
	}
	for (size_t i = 0; i < relocation->moves.count; i++) {
		const struct balance_move *move = &relocation->moves.items[i];
		show_json(json_pack("{s:s, s:s, s:s, s:s, s:f, s:f, s:f}", "event", "move", "guest",
				    move->guest->id, "from", move->from->name, "to", move->to->name,
				    "wants", move->wants, "costs_s", move->costs_s, "gains_s",
				    move->gains_s));
	}
}

void relocation_print(const struct options *options, const struct relocation *relocation)
{
	AUTO_STR struct str out = STR_INIT;
	if (options->json) {
		print_json(relocation);
		return;
	}
	print_hosts(&relocation->load, &out);
	print_moves(&relocation->moves, &out);
	fputs(str_text(&out), stdout);
	fflush(stdout);
}

/* ---- what is done ---- */

bool relocation_agreed(const struct options *options, const char *question)
{
	if (options->yes)
		return true;
	if (options->json || !isatty(STDIN_FILENO)) {
		fputs("nothing was changed; --yes carries it out\n", stderr);
		return false;
	}
	if (ask_yes(interrupt_watch(NULL), "%s", question))
		return true;
	fputs("nothing was changed\n", stderr);
	return false;
}

void relocation_moves(const struct relocation *relocation, const struct text_list *hosts,
		      bool to_these, struct moves *moves)
{
	for (size_t i = 0; i < relocation->moves.count; i++) {
		const struct balance_move *move = &relocation->moves.items[i];
		if (text_list_has(hosts, move->to->name) == to_these)
			moves_add(moves, move->guest->id, move->to->name);
	}
}

/* 1: all of them, 0: not yet, -1: it cannot be asked, which was printed. */
static int answer(const struct options *options, const struct text_list *names)
{
	struct err err = ERR_INIT;
	struct reach reach = { 0 };
	int rc = reach_site(options, NULL, NULL, &reach);
	text_list_free(&reach.names);
	text_list_copy(&reach.names, names);
	if (rc == 0)
		rc = reach_nodes(options, &reach);
	if (rc == 0 && (rc = fleet_each(&reach.fleet, host_facts, &err)) != 0)
		command_fail(&err);
	progress_close(&reach.progress);
	if (rc == 0)
		rc = !reach_stopped(&reach) && fleet_failed(&reach.fleet) == 0;
	reach_close(&reach);
	return rc;
}

static int wait_for(const struct options *options, const struct text_list *names, struct err *err)
{
	struct timespec begin;
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (;;) {
		int rc = answer(options, names);
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (rc == 1)
			return 0;
		if (__atomic_load_n(interrupt_watch(NULL), __ATOMIC_ACQUIRE))
			return err_set(err, "interrupted");
		if (rc < 0)
			return err_set(err, "it cannot be asked whether it has booted");
		if (now.tv_sec - begin.tv_sec > WAKE_S)
			return err_set(err, "no answer within %d minutes; moyai why", WAKE_S / 60);
		nanosleep(&(struct timespec){ .tv_sec = WAKE_PAUSE_S }, NULL);
	}
}

/* In maintenance still, so that nobody else does it meanwhile. */
static int apply_them(const struct options *options, const char *folded)
{
	struct options only = *options;
	only.limit = folded;
	only.yes = true;
	return command_apply.run(&only, 0, NULL);
}

int relocation_wake(const struct options *options, const struct site *site,
		    const struct text_list *names)
{
	struct err err = ERR_INIT;
	struct err lost = ERR_INIT;
	AUTO_STR struct str folded = STR_INIT;
	char word[] = "on";
	nodeset_fold(names, &folded);
	AUTO_FREE char *state_dir = command_state_dir(options, site);
	char *words[] = { word, folded.data };
	if (state_dir == NULL)
		return EXIT_ERROR;
	int result = command_power.run(options, COUNT_OF(words), words);
	if (result == EXIT_OK) {
		fprintf(stderr, "%s: waiting until it has booted\n", str_text(&folded));
		if (wait_for(options, names, &err) != 0)
			result = command_fail(&err);
		else
			result = apply_them(options, str_text(&folded));
	}
	bool woken = result == EXIT_OK;
	/* One that does not come back is no reserve, and would be waited for each time. */
	if (maintenance_set(options, state_dir, site, !woken, names, woken ? NULL : RELOCATION_LOST,
			    &lost) != 0)
		result = command_fail(&lost);
	if (!woken)
		fprintf(stderr,
			"%s: stays in maintenance, and is no reserve any more; moyai maintenance "
			"off ends that\n",
			str_text(&folded));
	return result;
}
