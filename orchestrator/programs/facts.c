/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "programs/command.h"
#include "programs/reach.h"
#include "programs/show.h"

enum { COLUMNS_MAX = 32 };

/*
 * Facts are shown by their shape, not by name, so that a new one on the node
 * needs no line here: scalars as a list, an object as an indented list, a list
 * of objects as a table. Keys that end in _bytes, _s or _ms get their unit.
 */
static void add_scalar(const char *key, const json_t *value, struct str *out)
{
	double number = json_number_value(value);
	if (json_is_string(value))
		show_safe(out, json_string_value(value));
	else if (json_is_boolean(value))
		str_add(out, json_is_true(value) ? "yes" : "no");
	else if (json_is_null(value))
		str_add(out, "-");
	else if (json_is_number(value) && number >= 0 && text_ends(key, "_bytes"))
		size_print_short((uint64_t)number, out);
	else if (json_is_number(value) && number >= 0 && text_ends(key, "_s"))
		show_seconds((uint64_t)number, out);
	else if (json_is_number(value) && number >= 0 && text_ends(key, "_ms"))
		show_seconds((uint64_t)number / 1000, out);
	else if (json_is_integer(value))
		str_addf(out, "%lld", (long long)json_integer_value(value));
	else if (json_is_real(value))
		str_addf(out, "%.2f", number);
	else {
		char *text = json_dumps(value, JSON_COMPACT);
		show_safe(out, text ? text : "?");
		free(text);
	}
}

/* Items of a list that are not objects, on one line. */
static void add_value(const char *key, const json_t *value, struct str *out)
{
	size_t i;
	json_t *item;
	if (!json_is_array(value)) {
		add_scalar(key, value, out);
		return;
	}
	json_array_foreach(value, i, item)
	{
		str_add(out, i ? ", " : "");
		add_scalar(key, item, out);
	}
	if (json_array_size(value) == 0)
		str_add(out, "-");
}

/* "size_bytes" → "size": the unit stands in the value. */
static void cell_name(struct show_table *table, const char *indent, const char *key)
{
	size_t length = strlen(key);
	if (text_ends(key, "_bytes"))
		length -= strlen("_bytes");
	else if (text_ends(key, "_s"))
		length -= strlen("_s");
	else if (text_ends(key, "_ms"))
		length -= strlen("_ms");
	AUTO_FREE char *name = xasprintf("%s%.*s", indent, (int)length, key);
	for (char *at = name; *at; at++)
		if (*at == '_')
			*at = ' ';
	show_cell(table, name);
}

static bool is_table(const json_t *value)
{
	return json_is_array(value) && json_is_object(json_array_get(value, 0));
}

static void add_list(const json_t *object, const char *indent, struct str *out)
{
	const char *key;
	json_t *value;
	struct show_table table = { .columns = 2 };
	json_object_foreach((json_t *)(size_t)object, key, value)
	{
		AUTO_STR struct str text = STR_INIT;
		if (json_is_object(value) || is_table(value))
			continue;
		add_value(key, value, &text);
		cell_name(&table, indent, key);
		show_cell(&table, str_text(&text));
	}
	show_table_print(&table, out);
	show_table_free(&table);
}

static void add_table(const json_t *rows, struct str *out)
{
	json_t *columns = json_object(); /* all keys, in order of first sight */
	struct show_table table = { 0 };
	const char *key;
	json_t *value;
	json_t *row;
	size_t i;
	json_array_foreach(rows, i, row)
	{
		json_object_update_missing(columns, row);
	}
	table.columns = json_object_size(columns);
	/* Rows times columns are cells: what a node says must not fill our memory. */
	if (table.columns > COLUMNS_MAX) {
		str_addf(out, "  %zu rows with %zu columns; --json shows them\n",
			 json_array_size(rows), table.columns);
		json_decref(columns);
		return;
	}
	json_object_foreach(columns, key, value)
	{
		cell_name(&table, table.cells.count ? "" : "  ", key);
	}
	json_array_foreach(rows, i, row)
	{
		size_t before = table.cells.count;
		json_object_foreach(columns, key, value)
		{
			AUTO_STR struct str text = STR_INIT;
			const json_t *cell = json_object_get(row, key);
			str_add(&text, table.cells.count == before ? "  " : "");
			if (cell)
				add_value(key, cell, &text);
			else
				str_add(&text, "-");
			show_cell(&table, str_text(&text));
		}
	}
	if (table.columns > 0)
		show_table_print(&table, out);
	show_table_free(&table);
	json_decref(columns);
}

static void add_facts(const json_t *facts, struct str *out)
{
	const char *key;
	json_t *value;
	add_list(facts, "", out);
	json_object_foreach((json_t *)(size_t)facts, key, value)
	{
		if (!json_is_object(value) && !is_table(value))
			continue;
		show_safe(out, key);
		str_add(out, "\n");
		if (json_is_object(value))
			add_list(value, "  ", out);
		else
			add_table(value, out);
	}
}

static int print(const struct options *options, const struct fleet *fleet)
{
	AUTO_STR struct str out = STR_INIT;
	AUTO_STR struct str failed = STR_INIT;
	for (size_t i = 0; i < fleet->chosen; i++) {
		const struct host *host = &fleet->hosts[i];
		if (options->json) {
			show_json_line(&out, json_pack("{s:s, s:s, s:s?, s:O?}", "event", "facts",
						       "node", host->name, "error", host->failed,
						       "facts", host->facts));
		} else if (host->facts && host->failed == NULL) {
			str_addf(&out, "%s=== %s\n", out.length ? "\n" : "", host->name);
			add_facts(host->facts, &out);
		}
	}
	if (!options->json)
		show_failed(fleet, &failed);
	fputs(str_text(&out), stdout);
	fputs(str_text(&failed), stderr);
	return fleet_failed(fleet) > 0 ? EXIT_ERROR : EXIT_OK;
}

static int run(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct reach reach;
	int result = EXIT_ERROR;
	if (argc != 1) {
		err_set(&err, "write: facts NODES");
		return command_fail(&err);
	}
	if (reach_open(options, argv[0], NULL, &reach) == 0) {
		int rc = fleet_each(&reach.fleet, host_facts, &err);
		progress_close(&reach.progress);
		result = rc == 0 ? print(options, &reach.fleet) : command_fail(&err);
	}
	reach_close(&reach);
	return result;
}

const struct command command_facts = {
	.name = "facts",
	.usage = "NODES",
	.summary = "what the nodes are: hardware, kernel, disks, links",
	.doc = "Hardware, kernel, image, network interfaces and disks of each node as it is now,\n"
	       "whatever the site says; among it the names by which a disk may be declared.",
	.run = run,
	.options = OPTIONS_REACH | OPTION_REVISION,
};
