/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_MOVES_H
#define PROGRAMS_MOVES_H
#include "programs/command.h"
/*
 * Guests that move to other hosts while they run. What happens is recorded before and after, in
 * allocations/NAME.cfg, and committed, so that whoever comes after an interruption knows of it:
 *
 *   1. `to` in the record, and an apply: the other host has all that the guest stands on
 *   2. libvirt moves it (remote/migrate.h)
 *   3. `host` and a higher `epoch` in the record, and an apply: the first host has nothing of it any more
 */
struct moves {
	struct move {
		char *guest; /* as in the site */
		char *to;
	} * items;
	size_t count;
};
void moves_add(struct moves *moves, const char *guest, const char *to);
void moves_free(struct moves *moves);

/* The exit code of a command. */
int moves_run(const struct options *options, const struct moves *moves);
#endif
