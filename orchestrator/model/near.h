/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MODEL_NEAR_H
#define MODEL_NEAR_H
#include "base/str.h"
/* The candidate that was probably meant: one or two letters wrong, missing,
   too many or swapped. NULL when none is near. Borrowed from the list. */
const char *near_find(const char *word, const struct text_list *candidates);

/* Append `; did you mean "X"?` when there is such a candidate. */
void near_add(const char *word, const struct text_list *candidates, struct str *out);
#endif
