/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_LOAD_WATCH_H
#define PROGRAMS_LOAD_WATCH_H
#include "engine/load.h"
#include "programs/command.h"

enum { LOAD_WATCH_TIMES = 10 };

/*
 * The VM servers that give something to guests and are not in maintenance are looked at for options->for_s, in
 * LOAD_WATCH_TIMES intervals. What they want goes to *load, whose nodes are the site's. -1 after having printed why:
 * one that did not answer, or Ctrl-C.
 */
int load_watch(const struct options *options, const struct site *site, struct load *load);
#endif
