/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_RUN_H
#define BASE_RUN_H
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
/*
 * External commands: argv only, never a shell, always a timeout, stderr kept
 * for the error text. A command is a crash point (see base/point.h) before and
 * after, unless it only reads.
 */
struct run {
	const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH */
	const char *input;	 /* for stdin; NULL: /dev/null */
	size_t input_length;
	unsigned timeout_ms;	 /* 0: 60 s */
	size_t output_max_bytes; /* of stdout, and of stderr; 0: 64 MiB */
	int reads_only;		 /* observes: not a crash point */
	int keep_stdout;	 /* let the child write to our stdout/stderr */
	/* What differs in the child's environment: "NAME=value", or "NAME" to go. Ends
	   with NULL; NULL: nothing does. */
	const char *const *environment;
};

struct run_result {
	int exit_code; /* 128 + signal when a signal ended it */
	struct str out;
	struct str err;
};

/* Run and wait. 0 when it ran, whatever its exit code; -1 when it could not be
   started, or was killed (with its process group): at the timeout, or because it wrote more than
   is allowed. May be called by several threads at a time; no disposition of a signal is changed. */
int run_capture(const struct run *run, struct run_result *result, struct err *err);

/* Run, and take an exit code other than 0 as an error that ends in the last
   line of its stderr. out may be NULL. */
int run_ok(const struct run *run, struct str *out, struct err *err);

/* Shorthand: run_ok() of the arguments, NULL-terminated. */
int run_args(struct err *err, const char *argv0, ...) __attribute__((sentinel));

void run_result_free(struct run_result *result);
#define RUN_ARGV(...) ((const char *const[]){ __VA_ARGS__, NULL })
#endif
