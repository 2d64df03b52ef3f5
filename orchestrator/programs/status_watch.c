/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/stamp.h"
#include "programs/interrupt.h"
#include "programs/show.h"
#include "programs/status.h"

enum { PAUSE_MS = 2000, LOOK_MS = 100 };

/* What was said last of each node. */
struct said {
	struct text_list nodes;
	struct text_list lines;
};

/* Over the whole screen, and no further: what scrolls away would stay behind. */
static void draw(const struct reach *reach)
{
	AUTO_STR struct str text = STR_INIT;
	AUTO_STR struct str out = STR_INIT;
	char now[STAMP_SIZE];
	struct winsize size = { 0 };
	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	size_t rows = size.ws_row > 4 ? size.ws_row - 2u : 22;
	status_text(reach, false, &text);
	str_addf(&out, "\033[H\033[J%s, every %d s until Ctrl-C\n", stamp_utc(time(NULL), now),
		 PAUSE_MS / 1000);
	const char *at = str_text(&text);
	for (; *at && rows > 0; rows--) {
		size_t length = strcspn(at, "\n");
		str_add_bytes(&out, at, length);
		str_add(&out, "\n");
		at += length + (at[length] == '\n');
	}
	if (*at)
		str_add(&out, "…\n");
	fputs(str_text(&out), stdout);
}

/* True when it is not what was said last. */
static bool is_news(struct said *said, const char *node, const char *line)
{
	for (size_t i = 0; i < said->nodes.count; i++) {
		if (strcmp(said->nodes.items[i], node) != 0)
			continue;
		if (strcmp(said->lines.items[i], line) == 0)
			return false;
		free(said->lines.items[i]);
		said->lines.items[i] = xstrdup(line);
		return true;
	}
	text_list_add(&said->nodes, node);
	text_list_add(&said->lines, line);
	return true;
}

static void tell(const struct reach *reach, bool json, struct said *said)
{
	AUTO_STR struct str out = STR_INIT;
	char now[STAMP_SIZE];
	stamp_utc(time(NULL), now);
	for (size_t i = 0; i < reach->fleet.chosen; i++) {
		const struct host *host = &reach->fleet.hosts[i];
		AUTO_STR struct str line = STR_INIT;
		status_line(reach, host, &line);
		if (!is_news(said, host->name, str_text(&line)))
			continue;
		if (json) {
			json_t *object = status_json(reach, host);
			json_object_set_new(object, "at", json_string(now));
			show_json_line(&out, object);
		} else {
			str_addf(&out, "%s %s\n", now, str_text(&line));
		}
	}
	fputs(str_text(&out), stdout);
}

/* One look at all nodes. 0; 1 at Ctrl-C; -1 after having printed why not. */
static int look(const struct options *options, const char *nodes, struct said *said)
{
	struct err err = ERR_INIT;
	struct reach reach;
	int rc = -1;
	if (reach_open(options, nodes, NULL, &reach) == 0) {
		reach.fleet.event = NULL; /* what is drawn must not be drawn over */
		rc = fleet_each(&reach.fleet, host_status, &err);
		if (rc != 0)
			command_fail(&err);
		else if (reach_stopped(&reach))
			rc = 1; /* hosts that were broken off have not changed */
		else if (!options->json && isatty(STDOUT_FILENO))
			draw(&reach);
		else
			tell(&reach, options->json, said);
	}
	reach_close(&reach);
	return rc;
}

static bool pause_until(const bool *stop)
{
	for (int left = PAUSE_MS; left > 0 && !__atomic_load_n(stop, __ATOMIC_ACQUIRE);
	     left -= LOOK_MS)
		poll(NULL, 0, LOOK_MS);
	return !__atomic_load_n(stop, __ATOMIC_ACQUIRE);
}

int status_watch(const struct options *options, const char *nodes)
{
	struct said said = { 0 };
	const bool *stop = interrupt_watch(NULL);
	/* Once it has worked, a site that is just being edited is no end. */
	int rc = look(options, nodes, &said);
	bool began = rc >= 0;
	while (began && rc != 1 && fflush(stdout) == 0 && pause_until(stop))
		rc = look(options, nodes, &said);
	text_list_free(&said.nodes);
	text_list_free(&said.lines);
	return began ? EXIT_OK : EXIT_ERROR;
}
