/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_INTERRUPT_H
#define PROGRAMS_INTERRUPT_H
#include <stdbool.h>
/*
 * Ctrl-C (and SIGTERM): the first sets the flag, and the command comes to a
 * clean end; the second ends the program at once.
 * `message` is written to stderr at the first; NULL: nothing.
 */
const bool *interrupt_watch(const char *message);
/* All as it was before: for a program that takes our place. */
void interrupt_end(void);
#endif
