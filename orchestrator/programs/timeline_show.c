/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A timeline as a table, as JSON and as a picture. */
#include <stdlib.h>
#include <string.h>

#include "programs/show.h"
#include "programs/timeline.h"

/* ---- rows ---- */

/* Kinds of resources that are one stage to whoever waits. */
static const struct {
	const char *kind, *stage;
} STAGES[] = {
	{ "volume", "volumes" },   { "target", "targets" },   { "session", "sessions" },
	{ "appliance", "images" }, { "guest", "guests" },     { "vlan", "network" },
	{ "bridge", "network" },   { "firewall", "network" }, { "masquerade", "network" },
	{ "port", "network" },	   { "sysctl", "network" },   { "route", "network" },
	{ "bond", "network" },	   { "resolver", "network" },
};

struct row {
	char *name;
	size_t count;
	long begin_ms, end_ms;
};
struct rows {
	struct row *items;
	size_t count;
};

static bool is_step(const struct timeline_item *item)
{
	return item->node != NULL;
}

static bool is_frontend(const struct timeline *timeline, const struct timeline_item *item)
{
	AUTO_FREE char *id = xasprintf("%s-frontend", timeline->cluster);
	return text_equal(item->lane, id);
}

/* The row of the item; the caller frees. */
static char *row_name(const struct timeline *timeline, const struct timeline_item *item)
{
	if (!is_step(item))
		return is_frontend(timeline, item) ? xstrdup("frontend")
						   : xasprintf("nodes: %s", item->what);
	for (size_t i = 0; i < COUNT_OF(STAGES); i++)
		if (text_equal(STAGES[i].kind, item->lane))
			return xstrdup(STAGES[i].stage);
	return xstrdup(item->lane);
}

/* What goes on has lasted until the last that is known. */
static long last_ms(const struct timeline *timeline)
{
	long last = timeline->ready_ms;
	for (size_t i = 0; i < timeline->count; i++) {
		const struct timeline_item *item = &timeline->items[i];
		last = item->end_ms > last ? item->end_ms : last;
		last = item->begin_ms > last ? item->begin_ms : last;
	}
	return last > 1 ? last : 1;
}

static long end_of(const struct timeline_item *item, long last)
{
	return item->end_ms < 0 ? last : item->end_ms;
}

static struct row *row_of(struct rows *rows, const char *name)
{
	for (size_t i = 0; i < rows->count; i++)
		if (text_equal(rows->items[i].name, name))
			return &rows->items[i];
	rows->items = xrealloc(rows->items, rows->count + 1, sizeof(*rows->items));
	rows->items[rows->count] = (struct row){ .name = xstrdup(name) };
	return &rows->items[rows->count++];
}

static struct rows rows_make(const struct timeline *timeline)
{
	struct rows rows = { 0 };
	long last = last_ms(timeline);
	for (size_t i = 0; i < timeline->count; i++) {
		const struct timeline_item *item = &timeline->items[i];
		AUTO_FREE char *name = row_name(timeline, item);
		struct row *row = row_of(&rows, name);
		long end = end_of(item, last);
		row->begin_ms = row->count == 0 || item->begin_ms < row->begin_ms ? item->begin_ms
										  : row->begin_ms;
		row->end_ms = end > row->end_ms ? end : row->end_ms;
		row->count++;
	}
	return rows;
}

static void rows_free(struct rows *rows)
{
	for (size_t i = 0; i < rows->count; i++)
		free(rows->items[i].name);
	free(rows->items);
}

/* ---- as a table ---- */

static void cell_seconds(struct show_table *table, long ms)
{
	AUTO_FREE char *text = xasprintf("%ld.%ld s", ms / 1000, ms % 1000 / 100);
	show_cell(table, text);
}

void timeline_table(const struct timeline *timeline, struct str *out)
{
	static const char *const HEAD[] = { "STAGE", "COUNT", "FROM", "TO", "TOOK" };
	struct show_table table = { .columns = COUNT_OF(HEAD) };
	struct rows rows = rows_make(timeline);
	str_addf(out, "%s: started at %s", timeline->cluster, timeline->began);
	if (timeline->ready_ms >= 0)
		str_addf(out, ", ready after %ld s", timeline->ready_ms / 1000);
	str_add(out, "\n");
	for (size_t i = 0; i < COUNT_OF(HEAD); i++)
		show_cell(&table, HEAD[i]);
	for (size_t i = 0; i < rows.count; i++) {
		const struct row *row = &rows.items[i];
		AUTO_FREE char *count = xasprintf("%zu", row->count);
		show_cell(&table, row->name);
		show_cell(&table, count);
		cell_seconds(&table, row->begin_ms);
		cell_seconds(&table, row->end_ms);
		cell_seconds(&table, row->end_ms - row->begin_ms);
	}
	show_table_print(&table, out);
	show_table_free(&table);
	rows_free(&rows);
}

void timeline_json(const struct timeline *timeline, struct str *out)
{
	for (size_t i = 0; i < timeline->count; i++) {
		const struct timeline_item *item = &timeline->items[i];
		AUTO_FREE char *stage = row_name(timeline, item);
		show_json_line(out, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?, s:I, s:I}", "event",
					      "timeline", "cluster", timeline->cluster, "stage",
					      stage, "lane", item->lane, "what", item->what, "node",
					      item->node, "begin_ms", (json_int_t)item->begin_ms,
					      "end_ms", (json_int_t)item->end_ms));
	}
}

/* ---- as a picture ---- */

enum { NAME_WIDTH = 190, BAR_WIDTH = 760, ROW_HEIGHT = 18, HEAD_HEIGHT = 44, TICKS_MAX = 10 };

/* What they are as bars; others are grey. */
static const struct {
	const char *what, *colour;
} COLOURS[] = {
	{ "starts", "#b8b8b8" },   { "dhcp", "#8dd3c7" },      { "ipxe", "#66b2a6" },
	{ "kernel", "#80b1d3" },   { "initramfs", "#5a8fb5" }, { "image", "#fdb462" },
	{ "verified", "#e08e3c" }, { "userspace", "#b3de69" }, { "ready", "#7fb53c" },
	{ "failed", "#fb8072" },
};

static const char *colour_of(const struct timeline_item *item)
{
	for (size_t i = 0; !is_step(item) && i < COUNT_OF(COLOURS); i++)
		if (text_equal(COLOURS[i].what, item->what))
			return COLOURS[i].colour;
	return is_step(item) ? "#6a6fb0" : "#d0d0d0";
}

static void add_text(struct str *out, const char *text)
{
	for (; *text; text++)
		str_addf(out, "%c", strchr("<>&\"'", *text) ? '?' : *text);
}

/* Steps share the row of their stage, and each guest has its own. */
static char *lane_name(const struct timeline *timeline, const struct timeline_item *item)
{
	return is_step(item) ? row_name(timeline, item) : xstrdup(item->lane);
}

static void add_bar(struct str *out, const struct timeline_item *item, size_t row, long last)
{
	double scale = (double)BAR_WIDTH / (double)last;
	double width = (double)(end_of(item, last) - item->begin_ms) * scale;
	str_addf(out,
		 "<rect x=\"%.1f\" y=\"%zu\" width=\"%.1f\" height=\"%d\" fill=\"%s\" "
		 "fill-opacity=\"%s\"><title>",
		 NAME_WIDTH + (double)item->begin_ms * scale, HEAD_HEIGHT + row * ROW_HEIGHT + 2,
		 width < 1 ? 1 : width, ROW_HEIGHT - 4, colour_of(item),
		 is_step(item) ? "0.6" : "1");
	add_text(out, item->what);
	if (item->node != NULL) {
		str_add(out, " on ");
		add_text(out, item->node);
	}
	str_addf(out, ", %ld ms to %ld ms</title></rect>\n", item->begin_ms, end_of(item, last));
}

/* 1, 2 or 5 times a power of ten, so that there are at most so many. */
static long tick_ms(long last)
{
	for (long power = 100;; power *= 10)
		for (size_t i = 0; i < 3; i++) {
			long tick = power * (long[]){ 1, 2, 5 }[i];
			if (last / tick <= TICKS_MAX)
				return tick;
		}
}

static void add_axis(struct str *out, size_t rows, long last)
{
	long tick = tick_ms(last);
	for (long at = 0; at <= last; at += tick) {
		double x = NAME_WIDTH + (double)at * BAR_WIDTH / (double)last;
		str_addf(out,
			 "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%zu\" stroke=\"#ddd\"/>"
			 "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\" fill=\"#555\">%g "
			 "s</text>\n",
			 x, HEAD_HEIGHT, x, HEAD_HEIGHT + rows * ROW_HEIGHT, x, HEAD_HEIGHT - 6,
			 (double)at / 1000);
	}
}

static void add_legend(struct str *out, size_t y)
{
	int x = NAME_WIDTH;
	for (size_t i = 0; i < COUNT_OF(COLOURS); i++) {
		str_addf(out,
			 "<rect x=\"%d\" y=\"%zu\" width=\"10\" height=\"10\" fill=\"%s\"/>"
			 "<text x=\"%d\" y=\"%zu\">%s</text>\n",
			 x, y, COLOURS[i].colour, x + 14, y + 9, COLOURS[i].what);
		x += 24 + (int)strlen(COLOURS[i].what) * 7;
	}
}

void timeline_svg(const struct timeline *timeline, struct str *out)
{
	struct rows lanes = { 0 };
	long last = last_ms(timeline);
	AUTO_STR struct str bars = STR_INIT;
	for (size_t i = 0; i < timeline->count; i++) {
		AUTO_FREE char *name = lane_name(timeline, &timeline->items[i]);
		struct row *row = row_of(&lanes, name);
		add_bar(&bars, &timeline->items[i], (size_t)(row - lanes.items), last);
	}
	size_t bottom = HEAD_HEIGHT + lanes.count * ROW_HEIGHT;
	str_addf(out,
		 "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%zu\" "
		 "font-family=\"sans-serif\" font-size=\"12\">\n"
		 "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n<text x=\"8\" y=\"20\" "
		 "font-weight=\"bold\">",
		 NAME_WIDTH + BAR_WIDTH + 30, bottom + 34);
	add_text(out, timeline->cluster);
	str_add(out, ", started at ");
	add_text(out, timeline->began);
	if (timeline->ready_ms >= 0)
		str_addf(out, ", ready after %ld s", timeline->ready_ms / 1000);
	str_add(out, "</text>\n");
	add_axis(out, lanes.count, last);
	for (size_t i = 0; i < lanes.count; i++) {
		str_addf(out, "<text x=\"8\" y=\"%zu\">", HEAD_HEIGHT + i * ROW_HEIGHT + 13);
		add_text(out, lanes.items[i].name);
		str_add(out, "</text>\n");
	}
	str_add(out, str_text(&bars));
	add_legend(out, bottom + 14);
	str_add(out, "</svg>\n");
	rows_free(&lanes);
}
