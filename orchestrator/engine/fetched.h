/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ENGINE_FETCHED_H
#define ENGINE_FETCHED_H
#include "engine/kind.h"
#include "engine/plan.h"
#include "model/manifest.h"
/*
 * Files of images that a node fetches from the boot server and keeps: what the kinds repository
 * and appliance share. It is a part of their structs.
 */
struct fetched {
	char *content;		/* what the files add up to: see fetched_content() */
	char *url;		/* where they are fetched from, with a slash at the end */
	char *missing;		/* why there is nothing to fetch: the step is refused with it */
	struct text_list files; /* "PATH SHA256 BYTES", sorted */
};

/* Their rows in the kind's table. */
/* clang-format off */
#define FETCHED_FIELDS(type, member) \
	{ "content", FIELD_TEXT, offsetof(type, member.content), FIELD_DERIVED, 0, 0, NULL, NULL, \
	  "number, size and digest of the files" }, \
	{ "url", FIELD_TEXT, offsetof(type, member.url), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL, \
	  "the boot server they are fetched from" }, \
	{ "missing", FIELD_TEXT, offsetof(type, member.missing), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL, \
	  "why the images are not known" }, \
	{ "files", FIELD_LIST, offsetof(type, member.files), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL, \
	  "path, sha256 and size of each file" }
/* clang-format on */

/* "13 files, 162M, 3f2a9c0d1e2f": equal for equal lists, and short enough to show. */
int fetched_content(const struct text_list *files, struct str *out, struct err *err);

void fetched_add(struct fetched *fetched, const struct image_file *file);
/* Once all are added. missing: why they are not known, taken over; NULL: they are. What was derived
   before goes. */
int fetched_derive(const struct derive *from, char *missing, struct fetched *fetched,
		   struct err *err);
/* Where images are fetched from. The caller frees. */
char *fetched_url(const struct derive *from);
/* Refuses the step for want of the images. */
void fetched_judge(struct step *step, const char *missing);
#endif
