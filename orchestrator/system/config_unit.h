/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_CONFIG_UNIT_H
#define SYSTEM_CONFIG_UNIT_H
#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
/*
 * A daemon with a configuration of ours, as a transient unit of systemd named
 * moyai-KIND-NAME.service: a unit file would cost a daemon-reload, seconds on a
 * slow machine. /run/moyai/KIND/NAME.conf is its configuration and the mark;
 * NAME.runs beside it is the sha256 of what the daemon was started with.
 */
struct node;

struct config_unit {
	const char *kind;
	const char *name;
	/* Ends with NULL; the file's path is put behind the last word when that is empty or ends in "=". */
	const char *const *command;
	const char *const *check;      /* likewise: succeeds when the file is right; NULL: it is */
	const char *const *properties; /* more of them for systemd-run; NULL: none */
	bool secret;		       /* the file is for root alone */
};

int config_units_list(const char *kind, struct text_list *names, struct err *err);
/* state: "running", "stale" (with another configuration), "stopped"; the caller frees. waits: NULL, or
   one that ended, and that systemd will start again, counts as running, for it waits for somebody
   else: its last words, a copy; NULL when it runs. */
int config_unit_get(struct node *node, const char *kind, const char *name, char **waits,
		    struct text_list *lines, char **state, bool *found, struct err *err);
/* Write the file and start the daemon anew with it. */
int config_unit_apply(struct node *node, const struct config_unit *unit,
		      const struct text_list *lines, struct err *err);
int config_unit_remove(struct node *node, const char *kind, const char *name, struct err *err);
#endif
