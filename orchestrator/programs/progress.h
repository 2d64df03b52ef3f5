/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_PROGRESS_H
#define PROGRAMS_PROGRESS_H
#include "remote/conduct.h"
/*
 * What happens, on stderr: on a terminal a line per busy node, redrawn in
 * place, with the finished ones above; otherwise a plain line per step.
 */
struct progress {
	bool terminal;
	bool colours;
	bool applying; /* steps are shown; before, only how many have answered */
	bool json;     /* events of steps as JSON lines on stdout instead */
	struct progress_line {
		char *node;
		char *text;
	} * lines; /* of busy nodes */
	size_t count;
	size_t drawn; /* lines on the screen that will be written over */
	size_t answered, hosts;
	long drawn_ms;
	size_t name_width;
	struct timeline *notes; /* what is applied is noted there; NULL: nowhere */
};
void progress_open(struct progress *progress, const struct text_list *names, bool json);
/* For struct fleet: event and context. */
void progress_event(void *progress, const struct conduct_event *event);
void progress_close(struct progress *progress); /* wipes what is redrawn */
#endif
