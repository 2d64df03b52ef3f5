/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_SHOW_H
#define PROGRAMS_SHOW_H
#include <jansson.h>

#include "model/runtime.h"
#include "remote/conduct.h"
/*
 * Text for people: plans, tables, folded node sets. What comes from nodes is
 * shown with control characters written out, so that none reaches a terminal.
 */
void show_safe(struct str *out, const char *text);

/* Two units at most: "3d 4h", "5m 12s". */
void show_seconds(uint64_t seconds, struct str *out);

/* Whether to colour what goes to this descriptor: a terminal, and no NO_COLOR. */
bool show_colours(int fd);

/*
 * A plan of all chosen hosts, for stdout: equal ones folded under one head line, and
 * "plan: 12 to create, 1 to change, 0 to remove, 1 refused on 5 nodes". failed, for
 * stderr, gets what show_failed() says. json: all of it in out, a line per step, per
 * failed host, and for the summary.
 */
void show_plan(const struct fleet *fleet, bool json, struct str *out, struct str *failed);
/* Only the steps, for people; colours where stdout is a terminal. */
void show_steps(const struct fleet *fleet, struct str *out);
json_t *show_step_json(const char *node, const struct remote_step *step);

/* What nodes warn of: a line each, "store1: warning: volume base: …". */
void show_warnings(const struct fleet *fleet, struct str *out);

/* "vm[01-02]: why" for hosts that failed, equal reasons folded. */
void show_failed(const struct fleet *fleet, struct str *out);

/* "in maintenance, left alone: vm[01-02] since 2026-…Z by ann@desk: new disk", folded. */
void show_maintenance(const struct runtime *runtime, const struct text_list *names, const char *but,
		      struct str *out);
json_t *show_maintenance_json(const struct maintenance *maintenance);

/* Steps of all chosen hosts that are not refused. */
size_t show_steps_to_do(const struct fleet *fleet);
size_t show_steps_refused(const struct fleet *fleet);

/* Columns aligned by what is in them; the last one is not padded. */
struct show_table {
	struct text_list cells; /* row by row */
	size_t columns;
};
void show_cell(struct show_table *table, const char *text); /* made safe */
void show_table_print(const struct show_table *table, struct str *out);
void show_table_free(struct show_table *table);

/* A JSON object as a line with its newline; takes the reference. */
void show_json_line(struct str *out, json_t *object);
void show_json(json_t *object); /* to stdout */
/* Names that share a text: their keys in order of first sight. */
struct show_groups {
	struct show_group {
		char *text;
		struct text_list names;
	} * items;
	size_t count;
};
void show_group_add(struct show_groups *groups, const char *text, const char *name);
void show_groups_free(struct show_groups *groups);
#endif
