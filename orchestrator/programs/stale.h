/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_STALE_H
#define PROGRAMS_STALE_H
#include "programs/reach.h"
#include "programs/revision.h"
/*
 * Where a cluster manager has taken over, its main is the site that everybody works on: what lacks a
 * part of it would take away from the nodes what somebody else has brought there.
 */

/* Why this revision of the site must not be applied, and how to take up what it lacks; the caller
   frees. NULL: it has all of main, nobody has taken over, or the manager tells nothing of it. */
char *stale_why(const struct options *options, const struct takeover *takeover,
		const char *state_dir, const struct revision *revision);

/* The same of what is in the directory, on stderr, for commands that change nothing. */
void stale_warn(const struct options *options, const struct reach *reach);
#endif
