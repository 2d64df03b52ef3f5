/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_COMMAND_H
#define PROGRAMS_COMMAND_H
#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "model/secret.h"
#include "model/site.h"
/*
 * A subcommand of `moyai` is one file that defines one struct command, and one
 * line in the table of moyai.c. Only programs/ print: data on stdout, progress
 * and messages on stderr.
 */
struct options {
	const char *site_dir;  /* -C, default "." */
	const char *share_dir; /* where roles/, images/ and pxe/ are */
	const char *images_dir;
	const char *state_dir; /* --state; NULL: from the site's name, see command_state_dir() */
	const char *limit;     /* --limit NODES or NULL */
	unsigned parallel;     /* --parallel, default 64 */
	unsigned timeout_s;    /* --timeout; 0: each phase its own */
	unsigned for_s;	       /* balance, pack --for */
	unsigned stay_s;       /* balance, pack --stay */
	bool json;
	bool yes;
	bool shell;			  /* run --shell */
	const char *as;			  /* discover --as NODES */
	const char *role;		  /* discover --role ROLE */
	struct text_list allow_data_loss; /* scopes: "store1", "store1/volume/old" */
	const char *revision;		  /* --rev: the site as git has it there; NULL: as it is */
	const char *out;		  /* plan --out FILE */
	const char *reason;		  /* maintenance --reason TEXT */
	bool no_wait;			  /* apply: another apply is an error */
	bool unattended;		  /* apply: nobody is asked, and no data is lost */
	bool watch;			  /* status: again and again */
	const char *since, *until;	  /* logs: as they were written, or NULL */
	const char *grep;		  /* logs --grep REGEX */
	const char *lines;		  /* logs -n LINES: digits */
	bool follow;			  /* logs: and what comes, until Ctrl-C */
	bool changed;			  /* plan, apply: see changed_keep() */
	bool timeline;			  /* cluster show: of its last start */
	struct timeline *notes;		  /* where steps are noted; from no option; NULL: nowhere */
	bool help;
};

/* Options that make sense with some commands only; the others refuse them. What is in the
   table of option.c and not here goes with every command. */
enum command_option {
	OPTION_REVISION = 1 << 0,
	OPTION_OUT = 1 << 1,
	OPTION_REASON = 1 << 2,
	OPTION_NO_WAIT = 1 << 3,
	OPTION_UNATTENDED = 1 << 4,
	OPTION_WATCH = 1 << 5,
	OPTION_LIMIT = 1 << 6,
	OPTION_PARALLEL = 1 << 7,
	OPTION_TIMEOUT = 1 << 8,
	OPTION_YES = 1 << 9,
	OPTION_SHELL = 1 << 10,
	OPTION_LOSS = 1 << 11,
	OPTIONS_REACH =
		OPTION_LIMIT | OPTION_PARALLEL | OPTION_TIMEOUT, /* what reach_open() reads */
	OPTION_AS = 1 << 12,
	OPTION_ROLE = 1 << 13,
	OPTION_CHANGED = 1 << 14,
	OPTION_SINCE = 1 << 15,
	OPTION_UNTIL = 1 << 16,
	OPTION_GREP = 1 << 17,
	OPTION_LINES = 1 << 18,
	OPTION_FOLLOW = 1 << 19,
	OPTION_TIMELINE = 1 << 20,
	OPTION_FOR = 1 << 21,
	OPTION_STAY = 1 << 22,
};

enum exit_code { EXIT_OK = 0, EXIT_ERROR = 1, EXIT_CHANGES = 2 };

/*
 * usage is also what completion goes by: see the words in complete.c. doc is written to be
 * read as it is, 76 columns wide: paragraphs with an empty line between them; lines that
 * begin with two spaces are shown as they stand.
 */
struct command {
	const char *name;    /* "plan", "image build" */
	const char *usage;   /* what follows the name: "NODES -- CMD ARG…" */
	const char *summary; /* one line for --help; NULL: a command for programs, not shown */
	const char *doc;     /* for `COMMAND --help` and the manual */
	unsigned options;    /* enum command_option that it takes */
	int (*run)(const struct options *, int argc,
		   char **argv); /* argv: what follows the name; returns enum exit_code */
};
extern const struct command command_apply;     /* others end with an apply */
extern const struct command command_bootstrap; /* … or with bringing something to the manager */
extern const struct command command_power;     /* … or switch machines off */
extern const struct command *const COMMAND_TABLE[]; /* ends with NULL */

/* site_read() of the directory, or of its --rev, and whether its clusters find room. */
int command_read(const struct options *options, struct site *site, struct mistakes *mistakes,
		 struct err *err);

/* Read the site or print all its mistakes. -1 after having printed why. */
int command_site(const struct options *options, struct site *site);

/* The state directory of the site, made when missing (mode 0700). The caller
   frees. NULL after having printed why. */
char *command_state_dir(const struct options *options, const struct site *site);

/* The nodes of --limit, or all. -1 after having printed why. */
int command_nodes(const struct options *options, const struct site *site, struct text_list *names);

/* All mistakes and their number on stderr, or as JSON lines on stdout; returns EXIT_ERROR. */
int command_print_mistakes(const struct mistakes *mistakes, bool json);

/* The program takes our place: terminal, signals and exit code are its own. Returns -1 when it cannot. */
int command_become(const struct text_list *words, struct err *err);

/* "moyai: text" on stderr; returns EXIT_ERROR. */
int command_fail(const struct err *err);
#endif
