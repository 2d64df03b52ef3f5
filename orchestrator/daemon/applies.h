/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DAEMON_APPLIES_H
#define DAEMON_APPLIES_H
#include "base/err.h"
#include "base/str.h"
/*
 * STATE/log/applies.jsonl on the cluster manager: the applies that it did itself, and the lines that
 * operators' machines bring of theirs. moyai writes and reads them (programs/apply_log.h); here they are
 * only lines.
 */
enum { APPLIES_TOLD_MAX_BYTES = 8 * 1024 * 1024 };

/* Append those lines that are not there yet. What is no line "{…}" is left out: half of one, which a crash
   left. */
int applies_add(const char *state_dir, const char *lines, size_t length, struct err *err);

/* The last APPLIES_TOLD_MAX_BYTES, from the begin of a line on. No file: nothing. */
int applies_read(const char *state_dir, struct str *out, struct err *err);
#endif
