/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MODEL_GUARD_H
#define MODEL_GUARD_H
#include "model/site.h"
/*
 * What libconfig does not see to itself, checked before it reads: size, UTF-8,
 * NUL, depth, strings and comments without end, numbers that do not fit, @include
 * of missing files, in a circle or outside the site.
 */
enum { GUARD_FILE_BYTES = 32 << 20, GUARD_DEPTH = 32, GUARD_INCLUDES = 256 };

struct guard {
	const char *dir; /* @include is relative to it */
	struct site *site;
	struct mistakes *mistakes;
	struct text_list open; /* files that are being read, outermost first */
	size_t includes;
	size_t bytes; /* of all files together */
};

/* The site's own copy of a file name, for places. */
const char *guard_file(struct site *site, const char *name);

/* Read DIR/NAME for the guard; false after adding a mistake at `from`. */
bool guard_read(struct guard *guard, const char *name, struct place from, struct str *text);

/* True when libconfig may read the text. */
bool guard_text(struct guard *guard, const char *name, const char *text, size_t length,
		unsigned depth);
#endif
