/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MODEL_RUNTIME_H
#define MODEL_RUNTIME_H
#include "model/site.h"
/*
 * What is true only for now: STATE/runtime.cfg. It is no part of the site, is
 * written by commands alone and shown by every plan.
 *
 *   maintenance = (
 *       { node = "vm1"; since = "2026-11-21T09:00:00Z"; by = "ann@desk"; reason = "new disk"; }
 *   );
 */
struct maintenance {
	char *node;
	char *since;  /* RFC 3339 */
	char *by;     /* user@host */
	char *reason; /* NULL: none was given */
};
struct runtime {
	struct maintenance *maintenance; /* a node each, as they came */
	size_t maintenance_count;
};
extern const struct field MAINTENANCE_FIELDS[];

/* A state directory without the file is one in which nothing is so. */
int runtime_read(const char *state_dir, struct runtime *runtime, struct err *err);
int runtime_write(const char *state_dir, const struct runtime *runtime, struct err *err);
/* Two that change it at once would lose one of the changes. A descriptor whose closing lets
   go; -1: an error, or without wait somebody else has it. */
int runtime_lock(const char *state_dir, bool wait, struct err *err);
void runtime_free(struct runtime *runtime);
/* Nodes in maintenance get no more guests. */
void runtime_close(const struct runtime *runtime, struct site *site);

/* NULL: the node is not in maintenance. */
const struct maintenance *runtime_maintenance(const struct runtime *runtime, const char *node);
/* In place of what was said of this node before. reason may be NULL. */
void runtime_maintenance_on(struct runtime *runtime, const char *node, const char *since,
			    const char *by, const char *reason);
void runtime_maintenance_off(struct runtime *runtime, const char *node);
#endif
