/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_PLAN_FILE_H
#define PROGRAMS_PLAN_FILE_H
#include "programs/reach.h"
#include "programs/revision.h"
/*
 * A plan as a file, to be looked at by somebody else and carried out later,
 * exactly or not at all. Per node it has a digest of what the site wants there
 * (an HMAC under the site key, so that no secret can be guessed from it), and
 * its steps with their digests of what is there. JSON, mode 0600.
 */

/* Of hosts that were all planned. */
int plan_file_write(const char *path, const struct reach *reach, const struct fleet *fleet,
		    const struct revision *revision, struct err *err);

/* *plan is to be json_decref()ed. Its nodes are folded into *nodes, as --limit takes them. */
int plan_file_read(const char *path, const char *site, json_t **plan, struct str *nodes,
		   struct err *err);

/* What is not as it was when the plan was made, a line each; nothing: it may be carried out. */
int plan_file_compare(const json_t *plan, const struct reach *reach, const struct fleet *fleet,
		      struct str *changes, struct err *err);
#endif
