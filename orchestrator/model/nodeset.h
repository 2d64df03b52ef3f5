/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MODEL_NODESET_H
#define MODEL_NODESET_H
#include "base/err.h"
#include "base/str.h"
#include "model/site.h"
/*
 * Node sets in ClusterShell's notation: `vm[01-16,20]`, `a,b`, `@role` (or
 * `@all`), `!` difference, `&` intersection, `^` symmetric difference, taken
 * from left to right. Names that are not in the site are errors, and so is a set
 * without any: done on no node, everything would look well.
 */
int nodeset_parse(const char *text, const struct site *site, struct text_list *names,
		  struct err *err); /* in the site's order, each once */

/* Names that are to be, in the order they are written: `vm[01-16],gw2`, without operators. */
int nodeset_expand(const char *text, struct text_list *names, struct err *err);

/* Fold names into the shortest notation: vm01 vm02 vm03 → "vm[01-03]". */
void nodeset_fold(const struct text_list *names, struct str *out);
#endif
