/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_UNITS_H
#define SYSTEM_UNITS_H
#include <jansson.h>

#include "base/err.h"
#include "base/str.h"
/*
 * systemd's units: one `systemctl list-units` per phase tells the state of all.
 * A unit we look after has a file /run/moyai/services/NAME; not a drop-in, which
 * would make systemd ask for a daemon-reload, seconds on a slow machine.
 */
struct node;

struct unit {
	const char *active; /* "active", "inactive", "failed", "activating" …; never NULL */
	const char *sub;    /* "running", "dead" …; never NULL */
};			    /* borrowed from the node's snapshot */

/* What `systemctl list-units --output=json` printed, as an object by name: pure. */
json_t *units_parse(const char *text, struct err *err);

/* A unit that systemd has not loaded is inactive and dead. */
int unit_get(struct node *node, const char *name, struct unit *unit, struct err *err);

int unit_start(const char *name, struct err *err); /* the error ends in its last journal line */
int unit_stop(const char *name, struct err *err);

/* What its processes wrote last into the journal, "" when that is nothing; a copy. */
char *unit_last_line(const char *name);

int units_list_marked(struct text_list *names, struct err *err);
int unit_mark(const char *name, struct err *err);
int unit_unmark(const char *name, struct err *err);
#endif
