/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/help.h"

#include <string.h>

#include "programs/option.h"

enum { COLUMN = 32 };

/* UTF-8 characters are columns; printf() counts bytes. */
static void add_row(struct str *out, const char *left, const char *right)
{
	int columns = 0;
	for (const char *at = left; *at; at++)
		columns += ((unsigned char)*at & 0xC0) != 0x80;
	str_addf(out, "  %s%*s %s\n", left, columns < COLUMN ? COLUMN - columns : 0, "", right);
}

static void add_command(struct str *out, const struct command *command)
{
	AUTO_FREE char *call = xasprintf("%s %s", command->name, command->usage);
	add_row(out, call, command->summary);
}

static void add_option(struct str *out, const struct option_spec *option)
{
	AUTO_STR struct str left = STR_INIT;
	option_print(option, &left);
	add_row(out, str_text(&left), option->doc);
}

void help_all(struct str *out)
{
	str_add(out, "usage: moyai [-C DIR] [OPTION…] COMMAND …\n\n");
	for (const struct command *const *at = COMMAND_TABLE; *at; at++)
		if ((*at)->summary)
			add_command(out, *at);
	str_add(out, "\n");
	for (const struct option_spec *option = OPTION_TABLE; option->name; option++)
		if (option->option == 0)
			add_option(out, option);
	str_add(out, "\nmoyai COMMAND --help says more, and which other options it takes.\n");
}

void help_command(const struct command *command, struct str *out)
{
	str_addf(out, "usage: moyai [-C DIR] %s%s%s\n%s\n\n%s\n\n", command->name,
		 command->usage[0] ? " " : "", command->usage, command->summary, command->doc);
	for (const struct option_spec *option = OPTION_TABLE; option->name; option++)
		if (option_fits(option, command))
			add_option(out, option);
}

bool help_group(const char *word, struct str *out)
{
	size_t length = strlen(word);
	bool any = false;
	for (const struct command *const *at = COMMAND_TABLE; *at; at++) {
		const char *name = (*at)->name;
		if (strncmp(name, word, length) != 0 || name[length] != ' ')
			continue;
		any = true;
		add_command(out, *at);
	}
	return any;
}
