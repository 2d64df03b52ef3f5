/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_HELP_H
#define PROGRAMS_HELP_H
#include "programs/command.h"
/* What --help says, made from the tables of commands and options. */
void help_all(struct str *out);
void help_command(const struct command *command, struct str *out);
/* The commands that begin with this word, as "image"; false: there are none. */
bool help_group(const char *word, struct str *out);
#endif
