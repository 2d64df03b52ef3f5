/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_ASK_H
#define PROGRAMS_ASK_H
#include "programs/command.h"

/* Is there somebody to ask? -1 after having printed what to write instead. */
int ask_possible(const struct options *options, const char *command);
/* "question [y/N] " on the terminal; Ctrl-C and anything but y mean no. stop: see
   programs/interrupt.h. */
bool ask_yes(const bool *stop, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A line from stdin without its end; on a terminal `prompt` first, and no echo. */
int ask_secret(const char *prompt, struct str *line, struct err *err);
#endif
