/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DAEMON_APPLIER_H
#define DAEMON_APPLIER_H
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"
/*
 * One unattended apply: `moyai apply --unattended --json` as a child, whose lines say what became
 * of each node. The only way in which moyaid changes nodes. Never with a consent to
 * lose data.
 */
struct applier_options {
	const char *moyai;    /* the program */
	const char *site_dir; /* a repository */
	const char *revision; /* the one that a person applied */
	const char *state_dir, *images_dir;
	const char *log_path; /* all it says is appended there */
};

struct applier_node {
	char *name;
	size_t planned, done;
	char *why; /* the first thing that went wrong; NULL: nothing did */
	bool out;  /* it was left out, whatever became of the others */
};
struct applier {
	pid_t pid; /* 0: none runs */
	int out;   /* its stdout, non-blocking; -1 */
	int log;
	struct str line;
	struct applier_node *nodes;
	size_t count;
	bool finished; /* its last line was there */
	int64_t since_ms;
};
#define APPLIER_INIT                                                                               \
	{                                                                                          \
		.out = -1, .log = -1                                                               \
	}

int applier_start(struct applier *applier, const struct applier_options *options,
		  const struct text_list *names, int64_t now_ms, struct err *err);
/* What has come. 1: it has ended; failed: those that are not as wanted now. */
int applier_read(struct applier *applier, struct text_list *failed);
/* One line of its output; public for tests. */
void applier_line(struct applier *applier, const char *line);
/* Whether of each node it is known why it failed: then that says more than that there was no last line. */
bool applier_told_all(const struct applier *applier);
/* Who is not as wanted, when it has ended with this exit code. */
void applier_judge(const struct applier *applier, int exit_code, struct text_list *failed);
/* Let it finish the step that runs, and wait for it: at most a minute. */
void applier_stop(struct applier *applier);
void applier_free(struct applier *applier);
#endif
