/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "programs/show.h"
#include "programs/timeline.h"

enum { REDRAW_MS = 50 };

void progress_open(struct progress *progress, const struct text_list *names, bool json)
{
	*progress = (struct progress){
		.terminal = !json && isatty(STDERR_FILENO),
		.colours = show_colours(STDERR_FILENO),
		.json = json,
	};
	for (size_t i = 0; i < names->count; i++)
		if (strlen(names->items[i]) > progress->name_width)
			progress->name_width = strlen(names->items[i]);
}

/* ---- the terminal ---- */

static void wipe(struct progress *progress, struct str *out)
{
	if (progress->drawn > 0)
		str_addf(out, "\033[%zuA\r\033[J", progress->drawn);
	progress->drawn = 0;
}

/* At most `columns` characters, so that no line wraps. */
static void add_clipped(struct str *out, const char *text, size_t columns)
{
	size_t used = 0;
	const char *at = text;
	for (; *at; at++) {
		if ((*at & 0xc0) == 0x80)
			continue;
		if (used++ == columns)
			break;
	}
	while ((*at & 0xc0) == 0x80)
		at++;
	str_add_bytes(out, text, (size_t)(at - text));
}

static void draw(struct progress *progress, struct str *out)
{
	struct winsize size = { 0 };
	ioctl(STDERR_FILENO, TIOCGWINSZ, &size);
	size_t rows = size.ws_row > 4 ? size.ws_row - 2u : 20;
	size_t columns = size.ws_col > 20 ? size.ws_col - 1u : 79;
	if (!progress->applying) {
		if (progress->answered < progress->hosts) {
			str_addf(out, "%zu of %zu nodes have answered\n", progress->answered,
				 progress->hosts);
			progress->drawn = 1;
		}
		return;
	}
	size_t shown = progress->count < rows ? progress->count : rows;
	for (size_t i = 0; i < shown; i++) {
		AUTO_STR struct str line = STR_INIT;
		str_addf(&line, "%-*s  %s", (int)progress->name_width, progress->lines[i].node,
			 progress->lines[i].text);
		add_clipped(out, str_text(&line), columns);
		str_add(out, "\n");
	}
	progress->drawn = shown;
	if (shown < progress->count) {
		str_addf(out, "and %zu more\n", progress->count - shown);
		progress->drawn++;
	}
}

/* text: a line that stays; NULL: only what is redrawn, and not too often. */
static void update(struct progress *progress, const char *text)
{
	AUTO_STR struct str out = STR_INIT;
	if (progress->terminal) {
		long now_ms = stream_now_ms();
		if (text == NULL && now_ms - progress->drawn_ms < REDRAW_MS && progress->drawn > 0)
			return;
		progress->drawn_ms = now_ms;
		wipe(progress, &out);
	}
	if (text)
		str_addf(&out, "%s\n", text);
	if (progress->terminal)
		draw(progress, &out);
	fputs(str_text(&out), stderr);
	fflush(stderr);
}

static void set_line(struct progress *progress, const char *node, char *text)
{
	for (size_t i = 0; i < progress->count; i++) {
		if (strcmp(progress->lines[i].node, node) != 0)
			continue;
		free(progress->lines[i].text);
		progress->lines[i].text = text;
		return;
	}
	progress->lines = xrealloc(progress->lines, progress->count + 1, sizeof(*progress->lines));
	progress->lines[progress->count++] =
		(struct progress_line){ .node = xstrdup(node), .text = text };
}

static void drop_line(struct progress *progress, const char *node)
{
	for (size_t i = 0; i < progress->count; i++) {
		struct progress_line *line = &progress->lines[i];
		if (strcmp(line->node, node) != 0)
			continue;
		free(line->node);
		free(line->text);
		memmove(line, line + 1, (--progress->count - i) * sizeof(*line));
		return;
	}
}

/* ---- events ---- */

static void json_event(const struct conduct_event *event)
{
	static const char *const NAMES[] = {
		[CONDUCT_START] = "start", [CONDUCT_OK] = "ok",	    [CONDUCT_FAILED] = "failed",
		[CONDUCT_LOST] = "lost",   [CONDUCT_DONE] = "done", [CONDUCT_MESSAGE] = "message",
	};
	AUTO_STR struct str out = STR_INIT;
	if (event->type >= COUNT_OF(NAMES) || NAMES[event->type] == NULL)
		return;
	json_t *line = json_pack("{s:s, s:s}", "event", NAMES[event->type], "node", event->node);
	if (event->kind) {
		json_object_set_new(line, "kind", json_string(event->kind));
		json_object_set_new(line, "id", json_string(event->id));
		json_object_set_new(line, "do", json_string(step_action_text(event->action)));
	}
	if (event->text)
		json_object_set_new(line, event->type == CONDUCT_MESSAGE ? "text" : "error",
				    json_string(event->text));
	show_json_line(&out, line);
	fputs(str_text(&out), stdout);
	fflush(stdout);
}

static void keep(struct progress *progress, const struct conduct_event *event, const char *what,
		 const char *colour)
{
	AUTO_STR struct str line = STR_INIT;
	str_addf(&line, "%-*s  ", (int)progress->name_width, event->node);
	if (progress->colours)
		str_add(&line, colour);
	show_safe(&line, what);
	if (event->text)
		str_add(&line, ": ");
	show_safe(&line, event->text);
	if (progress->colours)
		str_add(&line, "\033[0m");
	update(progress, str_text(&line));
}

static void step_event(struct progress *progress, const struct conduct_event *event)
{
	AUTO_FREE char *what =
		xasprintf("%s %s/%s", step_action_text(event->action), event->kind, event->id);
	if (event->type == CONDUCT_START) {
		struct str text = STR_INIT;
		str_addf(&text, "%zu/%zu ", event->done + 1, event->total);
		show_safe(&text, what);
		set_line(progress, event->node, str_take(&text));
		if (progress->terminal)
			update(progress, NULL);
		return;
	}
	if (event->type == CONDUCT_FAILED) {
		AUTO_FREE char *failed = xasprintf("%s failed", what);
		keep(progress, event, failed, "\033[31m");
	} else if (!progress->terminal) {
		keep(progress, event, what, "");
	}
}

static void host_event(struct progress *progress, const struct conduct_event *event)
{
	if (event->type != CONDUCT_BUSY)
		drop_line(progress, event->node);
	if (!progress->applying && event->total > 0) {
		progress->answered = event->done;
		progress->hosts = event->total;
	}
	if (event->type == CONDUCT_LOST && progress->applying) {
		keep(progress, event, "failed", "\033[31m");
	} else if (event->type == CONDUCT_DONE && progress->terminal) {
		bool all = event->done == event->total;
		AUTO_FREE char *text = xasprintf("%zu of %zu step%s", event->done, event->total,
						 event->total == 1 ? "" : "s");
		keep(progress, event, text, all ? "\033[32m" : "\033[33m");
	} else if (progress->terminal) {
		update(progress, NULL);
	}
}

void progress_event(void *context, const struct conduct_event *event)
{
	struct progress *progress = context;
	if (progress->notes != NULL)
		timeline_step(progress->notes, event);
	if (progress->json) {
		/* While planning, hosts that fail are told with the plan. */
		if (progress->applying || event->type == CONDUCT_MESSAGE)
			json_event(event);
		return;
	}
	switch (event->type) {
	case CONDUCT_START:
	case CONDUCT_OK:
	case CONDUCT_FAILED:
		step_event(progress, event);
		return;
	case CONDUCT_MESSAGE:
		keep(progress, event, "says", "");
		return;
	default:
		host_event(progress, event);
	}
}

void progress_close(struct progress *progress)
{
	AUTO_STR struct str out = STR_INIT;
	wipe(progress, &out);
	fputs(str_text(&out), stderr);
	for (size_t i = 0; i < progress->count; i++) {
		free(progress->lines[i].node);
		free(progress->lines[i].text);
	}
	free(progress->lines);
	progress->lines = NULL;
	progress->count = 0;
}
