/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "model/nodeset.h"

void show_safe(struct str *out, const char *text)
{
	AUTO_STR struct str clean = STR_INIT;
	if (text)
		utf8_add_visible(&clean, text, strlen(text));
	const unsigned char *at = (const unsigned char *)str_text(&clean);
	for (; *at; at++) {
		bool control = *at < 0x20 || *at == 0x7f;
		/* U+0080 to U+009F are control characters too. */
		bool control_pair = *at == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f;
		if (control) {
			str_addf(out, "\\x%02x", *at);
		} else if (control_pair) {
			at++;
			str_addf(out, "\\x%02x", *at);
		} else {
			str_add_bytes(out, at, 1);
		}
	}
}

bool show_colours(int fd)
{
	const char *no = getenv("NO_COLOR");
	return isatty(fd) && (no == NULL || *no == '\0');
}

void show_json_line(struct str *out, json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER);
	str_addf(out, "%s\n", text ? text : "null");
	free(text);
	json_decref(object);
}

void show_json(json_t *object)
{
	AUTO_STR struct str line = STR_INIT;
	show_json_line(&line, object);
	fputs(str_text(&line), stdout);
}

void show_seconds(uint64_t seconds, struct str *out)
{
	static const struct {
		uint64_t seconds;
		char letter;
	} UNITS[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	size_t first = 0;
	while (first < 3 && seconds < UNITS[first].seconds)
		first++;
	str_addf(out, "%llu%c", (unsigned long long)(seconds / UNITS[first].seconds),
		 UNITS[first].letter);
	seconds %= UNITS[first].seconds;
	if (first < 3 && seconds >= UNITS[first + 1].seconds)
		str_addf(out, " %llu%c", (unsigned long long)(seconds / UNITS[first + 1].seconds),
			 UNITS[first + 1].letter);
}

/* ---- groups ---- */

void show_group_add(struct show_groups *groups, const char *text, const char *name)
{
	struct show_group *group = NULL;
	for (size_t i = 0; i < groups->count && group == NULL; i++)
		if (strcmp(groups->items[i].text, text) == 0)
			group = &groups->items[i];
	if (group == NULL) {
		groups->items = xrealloc(groups->items, groups->count + 1, sizeof(*groups->items));
		group = &groups->items[groups->count++];
		*group = (struct show_group){ .text = xstrdup(text) };
	}
	text_list_add(&group->names, name);
}

void show_groups_free(struct show_groups *groups)
{
	for (size_t i = 0; i < groups->count; i++) {
		free(groups->items[i].text);
		text_list_free(&groups->items[i].names);
	}
	free(groups->items);
	*groups = (struct show_groups){ 0 };
}

/* ---- tables ---- */

void show_cell(struct show_table *table, const char *text)
{
	struct str safe = STR_INIT;
	show_safe(&safe, text);
	text_list_take(&table->cells, safe.data ? str_take(&safe) : xstrdup(""));
}

/* Columns on the screen: bytes that do not continue a character. */
static size_t width(const char *text)
{
	size_t columns = 0;
	for (; *text; text++)
		columns += (*text & 0xc0) != 0x80;
	return columns;
}

void show_table_print(const struct show_table *table, struct str *out)
{
	size_t *widths = xcalloc(table->columns + 1, sizeof(*widths));
	for (size_t i = 0; i < table->cells.count; i++) {
		size_t columns = width(table->cells.items[i]);
		if (columns > widths[i % table->columns])
			widths[i % table->columns] = columns;
	}
	for (size_t i = 0; i < table->cells.count; i++) {
		const char *text = table->cells.items[i];
		size_t column = i % table->columns;
		str_add(out, text);
		if (column + 1 == table->columns) {
			while (out->length > 0 && out->data[out->length - 1] == ' ')
				out->data[--out->length] = '\0';
			str_add(out, "\n");
			continue;
		}
		str_addf(out, "%*s", (int)(widths[column] - width(text) + 2), "");
	}
	free(widths);
}

void show_table_free(struct show_table *table)
{
	text_list_free(&table->cells);
}

/* ---- plans ---- */

static const char *sign(const struct remote_step *step)
{
	if (step->refused)
		return "!";
	switch (step->action) {
	case STEP_CREATE:
		return "+";
	case STEP_REMOVE:
		return "-";
	case STEP_REPLACE:
		return "±";
	default:
		return "~";
	}
}

static const char *colour(const char *text)
{
	return *text == '+'   ? "\033[32m"
	       : *text == '-' ? "\033[31m"
	       : *text == '!' ? "\033[35m"
			      : "\033[33m";
}

static void add_value(struct str *out, const char *value)
{
	if (value == NULL || *value == '\0')
		str_add(out, "(none)");
	else
		show_safe(out, value);
}

/* Of a new thing only what somebody chose is told; what follows from it (an
   IQN, a serial number) is in --json. Its name is its id, and was said already. */
static bool is_told(const struct remote_step *step, const struct remote_change *change)
{
	const struct kind_spec *kind = kind_find(step->kind);
	const struct field *field =
		kind && kind->fields ? field_find(kind->fields, change->field) : NULL;
	if (strcmp(change->field, "name") == 0 || step->action == STEP_REMOVE)
		return false;
	if (step->action != STEP_CREATE)
		return true;
	return change->want && !(field && field->flags & (FIELD_DERIVED | FIELD_SECRET));
}

static void add_change(const struct remote_step *step, const struct remote_change *change,
		       size_t field_width, struct str *out)
{
	size_t columns = width(change->field);
	show_safe(out, change->field);
	str_addf(out, "%*s ", columns < field_width ? (int)(field_width - columns) : 0, "");
	if (step->action != STEP_CREATE) {
		add_value(out, change->have);
		str_add(out, " → ");
	}
	add_value(out, change->want);
}

/* Several fields of a thing that is there change: a line each, as in a diff. */
static bool is_diff(const struct remote_step *step)
{
	size_t told = 0;
	for (size_t i = 0; i < step->change_count; i++)
		told += is_told(step, &step->changes[i]);
	return told > 1 && step->action != STEP_CREATE;
}

/* What the step is about: "size 1G, pool main", "mtu 1500 → 1450". */
static void add_changes(const struct remote_step *step, struct str *out)
{
	const char *separator = "";
	for (size_t i = 0; i < step->change_count && !is_diff(step); i++) {
		if (!is_told(step, &step->changes[i]))
			continue;
		str_add(out, separator);
		add_change(step, &step->changes[i], 0, out);
		separator = ", ";
	}
	if (step->refused) {
		if (*separator)
			str_add(out, "; ");
		str_addf(out, "%s refused: ", step_action_text(step->action));
		show_safe(out, step->refused);
	}
	if (step->loses_data)
		str_add(out, out->length > 0 ? " (loses data)" : "(loses data)");
}

static void add_diff(const struct remote_step *step, struct str *out)
{
	size_t widest = 0;
	for (size_t i = 0; i < step->change_count; i++)
		if (is_told(step, &step->changes[i]) && width(step->changes[i].field) > widest)
			widest = width(step->changes[i].field);
	for (size_t i = 0; i < step->change_count; i++) {
		if (!is_told(step, &step->changes[i]))
			continue;
		str_add(out, "      ");
		add_change(step, &step->changes[i], widest, out);
		str_add(out, "\n");
	}
}

static void widen(const struct host *host, size_t widths[2])
{
	for (size_t i = 0; i < host->step_count; i++) {
		size_t kind = strlen(host->steps[i].kind);
		size_t id = width(host->steps[i].id);
		if (kind > widths[0])
			widths[0] = kind;
		if (id > widths[1] && id <= 32)
			widths[1] = id;
	}
}

static void add_steps(const struct host *host, const size_t widths[2], bool colours,
		      struct str *out)
{
	for (size_t i = 0; i < host->step_count; i++) {
		const struct remote_step *step = &host->steps[i];
		const char *mark = sign(step);
		size_t id = width(step->id);
		AUTO_STR struct str text = STR_INIT;
		add_changes(step, &text);
		str_addf(out, "  %s%s%s ", colours ? colour(mark) : "", mark,
			 colours ? "\033[0m" : "");
		str_addf(out, "%-*s ", (int)widths[0], step->kind);
		show_safe(out, step->id);
		if (text.length > 0)
			str_addf(out, "%*s  %s", id < widths[1] ? (int)(widths[1] - id) : 0, "",
				 str_text(&text));
		str_add(out, "\n");
		if (is_diff(step))
			add_diff(step, out);
	}
}

void show_steps(const struct fleet *fleet, struct str *out)
{
	bool colours = show_colours(STDOUT_FILENO);
	struct show_groups groups = { 0 };
	size_t widths[2] = { 0, 0 };
	for (size_t i = 0; i < fleet->chosen; i++)
		widen(&fleet->hosts[i], widths);
	for (size_t i = 0; i < fleet->chosen; i++) {
		AUTO_STR struct str text = STR_INIT;
		if (fleet->hosts[i].failed || fleet->hosts[i].step_count == 0)
			continue;
		add_steps(&fleet->hosts[i], widths, colours, &text);
		show_group_add(&groups, str_text(&text), fleet->hosts[i].name);
	}
	for (size_t i = 0; i < groups.count; i++) {
		if (colours)
			str_add(out, "\033[1m");
		nodeset_fold(&groups.items[i].names, out);
		str_addf(out, "%s\n%s", colours ? "\033[0m" : "", groups.items[i].text);
	}
	show_groups_free(&groups);
}

void show_warnings(const struct fleet *fleet, struct str *out)
{
	for (size_t i = 0; i < fleet->chosen; i++) {
		const struct host *host = &fleet->hosts[i];
		for (size_t w = 0; w < host->warnings.count; w++) {
			str_addf(out, "%s: warning: ", host->name);
			show_safe(out, host->warnings.items[w]);
			str_add(out, "\n");
		}
	}
}

struct totals {
	size_t create, change, replace, remove, refused, kept, loses;
};

static struct totals count(const struct fleet *fleet)
{
	struct totals totals = { 0 };
	for (size_t i = 0; i < fleet->chosen; i++) {
		const struct host *host = &fleet->hosts[i];
		totals.kept += host->failed ? 0 : host->kept;
		for (size_t s = 0; s < host->step_count; s++) {
			const struct remote_step *step = &host->steps[s];
			totals.loses += step->loses_data;
			if (step->refused)
				totals.refused++;
			else if (step->action == STEP_CREATE)
				totals.create++;
			else if (step->action == STEP_CHANGE)
				totals.change++;
			else if (step->action == STEP_REPLACE)
				totals.replace++;
			else
				totals.remove++;
		}
	}
	return totals;
}

size_t show_steps_to_do(const struct fleet *fleet)
{
	struct totals totals = count(fleet);
	return totals.create + totals.change + totals.replace + totals.remove;
}

size_t show_steps_refused(const struct fleet *fleet)
{
	return count(fleet).refused;
}

static void add_summary(const struct fleet *fleet, struct str *out)
{
	struct totals totals = count(fleet);
	size_t failed = fleet_failed(fleet);
	size_t well = fleet->chosen - failed;
	str_addf(out, "plan: %zu to create, %zu to change, ", totals.create, totals.change);
	if (totals.replace > 0)
		str_addf(out, "%zu to replace, ", totals.replace);
	str_addf(out, "%zu to remove, %zu refused on %zu node%s", totals.remove, totals.refused,
		 well, well == 1 ? "" : "s");
	if (failed > 0)
		str_addf(out, "; %zu node%s failed", failed, failed == 1 ? "" : "s");
	str_add(out, "\n");
}

/* ---- JSON ---- */

json_t *show_step_json(const char *node, const struct remote_step *step)
{
	json_t *changes = json_array();
	for (size_t i = 0; i < step->change_count; i++)
		json_array_append_new(changes, json_pack("{s:s, s:s?, s:s?}", "field",
							 step->changes[i].field, "have",
							 step->changes[i].have, "want",
							 step->changes[i].want));
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:b, s:s?}", "event", "step", "node", node,
			 "do", step_action_text(step->action), "kind", step->kind, "id", step->id,
			 "changes", changes, "loses_data", (int)step->loses_data, "refused",
			 step->refused);
}

static void add_json(const struct fleet *fleet, struct str *out)
{
	struct totals totals = count(fleet);
	for (size_t i = 0; i < fleet->chosen; i++) {
		const struct host *host = &fleet->hosts[i];
		for (size_t s = 0; s < host->step_count; s++)
			show_json_line(out, show_step_json(host->name, &host->steps[s]));
		for (size_t w = 0; w < host->warnings.count; w++)
			show_json_line(out,
				       json_pack("{s:s, s:s, s:s}", "event", "warning", "node",
						 host->name, "warning", host->warnings.items[w]));
		if (host->failed)
			show_json_line(out, json_pack("{s:s, s:s, s:s}", "event", "error", "node",
						      host->name, "error", host->failed));
	}
	show_json_line(out,
		       json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "event", "plan",
				 "create", (json_int_t)totals.create, "change",
				 (json_int_t)totals.change, "replace", (json_int_t)totals.replace,
				 "remove", (json_int_t)totals.remove, "refused",
				 (json_int_t)totals.refused, "kept", (json_int_t)totals.kept,
				 "nodes", (json_int_t)fleet->chosen, "failed_nodes",
				 (json_int_t)fleet_failed(fleet)));
}

void show_failed(const struct fleet *fleet, struct str *out)
{
	struct show_groups groups = { 0 };
	for (size_t i = 0; i < fleet->chosen; i++)
		if (fleet->hosts[i].failed)
			show_group_add(&groups, fleet->hosts[i].failed, fleet->hosts[i].name);
	for (size_t i = 0; i < groups.count; i++) {
		nodeset_fold(&groups.items[i].names, out);
		str_add(out, ": ");
		show_safe(out, groups.items[i].text);
		str_add(out, "\n");
	}
	show_groups_free(&groups);
}

void show_maintenance(const struct runtime *runtime, const struct text_list *names, const char *but,
		      struct str *out)
{
	struct show_groups groups = { 0 };
	for (size_t i = 0; i < names->count; i++) {
		const struct maintenance *item = runtime_maintenance(runtime, names->items[i]);
		if (item == NULL)
			continue;
		AUTO_FREE char *text =
			xasprintf("since %s by %s%s%s", item->since, item->by,
				  item->reason ? ": " : "", item->reason ? item->reason : "");
		show_group_add(&groups, text, item->node);
	}
	for (size_t i = 0; i < groups.count; i++) {
		str_addf(out, "in maintenance, %s: ", but);
		nodeset_fold(&groups.items[i].names, out);
		str_add(out, " ");
		show_safe(out, groups.items[i].text);
		str_add(out, "\n");
	}
	show_groups_free(&groups);
}

json_t *show_maintenance_json(const struct maintenance *maintenance)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s?}", "event", "maintenance", "node",
			 maintenance->node, "since", maintenance->since, "by", maintenance->by,
			 "reason", maintenance->reason);
}

void show_plan(const struct fleet *fleet, bool json, struct str *out, struct str *failed)
{
	if (json) {
		add_json(fleet, out);
		return;
	}
	show_steps(fleet, out);
	show_warnings(fleet, out);
	add_summary(fleet, out);
	show_failed(fleet, failed);
}
