/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_UNIT_FILE_H
#define SYSTEM_UNIT_FILE_H
#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
/*
 * Units that we write for systemd, in /run/systemd/system: they are gone after
 * a boot, as what they stand for is. The first line is the mark, and says
 * whose they are: "# moyai mount home".
 */

/* systemd.unit(5), "string escaping for inclusion in unit names": "/srv/my-data" with suffix
   ".mount" is "srv-my\x2ddata.mount". */
char *unit_file_name(const char *path, const char *suffix);

/* Ids of the marked units of a kind. */
int unit_file_list(const char *kind, struct text_list *ids, struct err *err);

/* The unit of this id: its name and text, copies; both NULL when there is none. */
int unit_file_find(const char *kind, const char *id, char **unit, char **text, struct err *err);

/* What follows "KEY=" on a line of its own, a copy; NULL: no such line. */
char *unit_file_value(const char *text, const char *key);

/* Whether a unit of ours, of whatever kind, has the device in use: it goes before the device does. */
bool unit_file_uses(const char *device);

/* body: what follows the mark. systemd has read it when this returns. */
int unit_file_write(const char *unit, const char *kind, const char *id, const char *body,
		    struct err *err);
int unit_file_remove(const char *unit, struct err *err);
#endif
