/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "programs/apply_log.h"
#include "programs/command.h"
#include "programs/show.h"
#include "programs/site_lock.h"

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

static void add_row(struct show_table *table, const json_t *apply)
{
	AUTO_STR struct str time = STR_INIT;
	const json_t *seconds = json_object_get(apply, "seconds");
	if (json_is_integer(seconds))
		show_seconds((uint64_t)json_integer_value(seconds), &time);
	show_cell(table, text(apply, "begun"));
	show_cell(table, text(apply, "who"));
	revision_cell(table, apply);
	show_cell(table, text(apply, "nodes"));
	number_cell(table, apply, "steps");
	number_cell(table, apply, "failed");
	show_cell(table, time.length ? str_text(&time) : "-");
	show_cell(table, text(apply, "result"));
}

/* One that has no end is at work, or was killed. */
static void judge(json_t *apply, const long holders[2])
{
	json_int_t pid = json_integer_value(json_object_get(apply, "pid"));
	if (json_object_get(apply, "result"))
		return;
	bool runs = pid > 0 && (pid == holders[0] || pid == holders[1]);
	json_object_set_new(apply, "result", json_string(runs ? "running" : "not ended"));
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
	if (apply_log_read(state_dir, &applies, &unreadable, &err) != 0)
		return command_fail(&err);
	holders[1] = site_lock_holder(state_dir);
	json_array_foreach(applies, i, apply) judge(apply, holders);
	print(applies, options->json, &out);
	json_decref(applies);
	fputs(str_text(&out), stdout);
	if (unreadable > 0)
		fprintf(stderr, "%zu line%s of %s/log/applies.jsonl cannot be read\n", unreadable,
			unreadable == 1 ? "" : "s", state_dir);
	return EXIT_OK;
}

const struct command command_log = {
	.name = "log",
	.usage = "",
	.summary = "every apply: who, when, which revision, and how it ended",
	.run = run,
};
