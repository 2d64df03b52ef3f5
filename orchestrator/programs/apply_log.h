/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_APPLY_LOG_H
#define PROGRAMS_APPLY_LOG_H
#include <jansson.h>
#include <stddef.h>

#include "base/err.h"
/*
 * STATE/log/applies.jsonl: two lines per apply, "begin" before anything is
 * changed and "end" after it, joined by a random id; an apply that was killed
 * has no second one. Lines are only ever appended, each with one write.
 */
struct apply_log {
	int fd;
	char id[17];
};

/* Takes the object. The line is on the disk when this returns. */
int apply_log_begin(const char *state_dir, json_t *about, struct apply_log *log, struct err *err);
/* Takes the object; closes. */
int apply_log_end(struct apply_log *log, json_t *result, struct err *err);

/*
 * All applies, oldest first, as an array of objects: the members of both lines
 * in one, "begun" and "ended" (null) for their times. Lines that cannot be
 * read are counted. No file: no applies. The text is that of such a file, also of several
 * machines' whose lines came late: the caller decrefs.
 */
void apply_log_parse(const char *text, size_t length, json_t **applies, size_t *unreadable);
int apply_log_read(const char *state_dir, json_t **applies, size_t *unreadable, struct err *err);
#endif
