/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_OPTION_H
#define PROGRAMS_OPTION_H
#include <getopt.h>

#include "programs/command.h"
/* The options of `moyai`: one table, from which they are read, explained and completed. */
struct option_spec {
	unsigned option;      /* enum command_option; 0: goes with every command */
	const char *name;     /* "limit" is --limit; of one letter: "C" is -C */
	const char *argument; /* "NODES"; NULL: takes none */
	int (*set)(struct options *, const char *argument, struct err *);
	const char *doc;
};
extern const struct option_spec OPTION_TABLE[]; /* ends with an empty row */

/* Read argv; getopt(3)'s optind is behind the options then. -1 after having printed why.
   given: the bits of enum command_option that were there. */
int option_read(int argc, char **argv, struct options *options, unsigned *given);

/* Whether the command takes it. */
bool option_fits(const struct option_spec *option, const struct command *command);

/* What stands in front of its name: "--", or "-" of one letter. */
const char *option_dashes(const struct option_spec *option);

/* The name of one of these bits for messages, "--limit". */
const char *option_name(unsigned bits);

/* "--limit NODES", as a person writes it. */
void option_print(const struct option_spec *option, struct str *out);
#endif
