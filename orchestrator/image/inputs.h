/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef IMAGE_INPUTS_H
#define IMAGE_INPUTS_H
#include <jansson.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"
/*
 * Everything that decides the bytes of one part of an image, each under a name
 * that people understand: "packages", "file etc/ssh/sshd_config". A part is
 * made again when the list differs from the one it was made with.
 */
struct inputs {
	struct input {
		char *name;
		char sha256[HASH_HEX_SIZE];
	} * items;
	size_t count;
};
int inputs_text(struct inputs *inputs, const char *name, const char *text, struct err *err);
int inputs_list(struct inputs *inputs, const char *name, const struct text_list *list,
		struct err *err);
/* Content and whether it is executable, which is all that reaches an image. */
int inputs_file(struct inputs *inputs, const char *name, const char *path, struct err *err);
/* Every file, link and folder below; not there is fine. */
int inputs_tree(struct inputs *inputs, const char *name, const char *path, struct err *err);

/* One hash for all, whatever the order they were added in. */
int inputs_digest(struct inputs *inputs, char hex[HASH_HEX_SIZE], struct err *err);

/* Add them to a JSON object as "PART: NAME": "sha256". */
void inputs_to_json(const struct inputs *inputs, const char *part, json_t *object);

/* True when the object has exactly these of the part; else why names up to two
   that changed, came or went. */
bool inputs_same(const struct inputs *inputs, const char *part, json_t *object, struct str *why);
void inputs_free(struct inputs *inputs);
#endif
