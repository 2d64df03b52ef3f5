/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MODEL_MISTAKE_H
#define MODEL_MISTAKE_H
#include <stddef.h>

#include "base/str.h"
#include "model/field.h"
/*
 * Mistakes of the operator, collected and not thrown: one run shows them all,
 * as "file:line: what is wrong; what would be right".
 */
struct mistakes {
	struct mistake {
		struct place place;
		char *text;
	} * items;
	size_t count;
};
#define MISTAKES_INIT                                                                              \
	{                                                                                          \
		NULL, 0                                                                            \
	}
void mistake_add(struct mistakes *list, struct place place, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* By file, in the order of `files`, then by line; as added within a line. */
void mistakes_sort(struct mistakes *list, const struct text_list *files);
void mistakes_print(const struct mistakes *list, struct str *out); /* a line each */
void mistakes_free(struct mistakes *list);
#endif
