/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "programs/apply_log.h"
#include "programs/interrupt.h"
#include "programs/reach.h"
#include "programs/show.h"
#include "programs/site_lock.h"
#include "programs/who.h"

static const char *text(const json_t *apply, const char *key)
{
	const char *value = json_string_value(json_object_get(apply, key));
	return value ? value : "-";
}

static void number_cell(struct show_table *table, const json_t *apply, const char *key)
{
	const json_t *value = json_object_get(apply, key);
	AUTO_FREE char *digits = json_is_integer(value)
					 ? xasprintf("%lld", (long long)json_integer_value(value))
					 : xstrdup("-");
	show_cell(table, digits);
}

/* "1f0c22aa9d3e+", or "none". */
static void revision_cell(struct show_table *table, const json_t *apply)
{
	const char *commit = json_string_value(json_object_get(apply, "revision"));
	bool modified = json_is_true(json_object_get(apply, "modified"));
	AUTO_FREE char *cell =
		commit ? xasprintf("%.12s%s", commit, modified ? "+" : "") : xstrdup("none");
	show_cell(table, cell);
}

/* "ann@desk"; what nobody stood by is marked. */
static void who_cell(struct show_table *table, const json_t *apply)
{
	bool alone = json_is_true(json_object_get(apply, "unattended"));
	AUTO_FREE char *cell = xasprintf("%s%s", text(apply, "who"), alone ? " (unattended)" : "");
	show_cell(table, cell);
}

static void add_row(struct show_table *table, const json_t *apply)
{
	AUTO_STR struct str time = STR_INIT;
	const json_t *seconds = json_object_get(apply, "seconds");
	if (json_is_integer(seconds))
		show_seconds((uint64_t)json_integer_value(seconds), &time);
	show_cell(table, text(apply, "begun"));
	who_cell(table, apply);
	revision_cell(table, apply);
	show_cell(table, text(apply, "nodes"));
	number_cell(table, apply, "steps");
	number_cell(table, apply, "failed");
	show_cell(table, time.length ? str_text(&time) : "-");
	show_cell(table, text(apply, "result"));
}

/* One that has no end is at work, or was killed; of one on another machine nobody knows here. */
static void judge(json_t *apply, const long holders[2])
{
	json_int_t pid = json_integer_value(json_object_get(apply, "pid"));
	AUTO_FREE char *me = who_am_i();
	const char *here = strrchr(me, '@');
	if (json_object_get(apply, "result"))
		return;
	bool runs = pid > 0 && (pid == holders[0] || pid == holders[1]);
	json_object_set_new(apply, "result",
			    json_string(!text_ends(text(apply, "who"), here) ? "begun"
					: runs				     ? "running"
									     : "not ended"));
}

/* Of all machines, where a cluster manager has taken over and answers; else of this one. where: whose
   lines they are, the caller frees. */
static int read_log(const char *state_dir, json_t **applies, size_t *unreadable, char **where,
		    struct err *err)
{
	struct takeover takeover;
	struct ssh_options ssh;
	struct err why = ERR_INIT;
	AUTO_STR struct str all = STR_INIT;
	if (takeover_read(state_dir, &takeover, err) != 0)
		return -1;
	bool heard = takeover.node != NULL && reach_ssh(state_dir, &ssh, &why) == 0 &&
		     takeover_applies(&takeover, &ssh, state_dir, interrupt_watch(NULL), &all,
				      &why) == 0;
	if (takeover.node != NULL && !heard)
		fprintf(stderr,
			"moyai: these are the applies of this machine alone, and others are not "
			"known: %s: %s\n",
			takeover.node, why.text);
	*where = heard ? xasprintf("the log of %s", takeover.node)
		       : xasprintf("%s/log/applies.jsonl", state_dir);
	takeover_free(&takeover);
	if (!heard)
		return apply_log_read(state_dir, applies, unreadable, err);
	apply_log_parse(str_text(&all), all.length, applies, unreadable);
	return 0;
}

static void print(json_t *applies, bool json, struct str *out)
{
	static const char *const HEAD[] = { "BEGUN", "WHO",    "REVISION", "NODES",
					    "STEPS", "FAILED", "TIME",	   "RESULT" };
	struct show_table table = { .columns = COUNT_OF(HEAD) };
	size_t i;
	json_t *apply;
	for (i = 0; i < COUNT_OF(HEAD); i++)
		show_cell(&table, HEAD[i]);
	json_array_foreach(applies, i, apply)
	{
		if (json)
			show_json_line(out, json_incref(apply));
		else
			add_row(&table, apply);
	}
	if (!json)
		show_table_print(&table, out);
	show_table_free(&table);
}

static int run(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct site site;
	json_t *applies;
	size_t unreadable, i;
	json_t *apply;
	AUTO_STR struct str out = STR_INIT;
	if (argc > 0) {
		err_set(&err, "log takes no \"%s\"", argv[0]);
		return command_fail(&err);
	}
	if (command_site(options, &site) != 0)
		return EXIT_ERROR;
	AUTO_FREE char *state_dir = command_state_dir(options, &site);
	site_free(&site);
	if (state_dir == NULL)
		return EXIT_ERROR;
	/* Before and after: one that begins or ends meanwhile is not "not ended". */
	long holders[2] = { site_lock_holder(state_dir) };
	AUTO_FREE char *where = NULL;
	if (read_log(state_dir, &applies, &unreadable, &where, &err) != 0)
		return command_fail(&err);
	holders[1] = site_lock_holder(state_dir);
	json_array_foreach(applies, i, apply) judge(apply, holders);
	print(applies, options->json, &out);
	json_decref(applies);
	fputs(str_text(&out), stdout);
	if (unreadable > 0)
		fprintf(stderr, "%zu line%s of %s cannot be read\n", unreadable,
			unreadable == 1 ? "" : "s", where);
	return EXIT_OK;
}

const struct command command_log = {
	.name = "log",
	.usage = "",
	.summary = "every apply: who, when, which revision, and how it ended",
	.doc = "A line per apply, the oldest first: when it began, by whom, the revision of the\n"
	       "site (with a + when there were changes in no revision), the nodes, how many steps\n"
	       "were taken and failed, how long it took, and how it ended. Where a cluster manager "
	       "has\n"
	       "taken over, those of all machines, and the unattended ones.",
	.run = run,
};
