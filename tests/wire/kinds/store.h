/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WIRE_STORE_H
#define WIRE_STORE_H
#include "engine/plan.h"
/*
 * The machine of the test kinds: a directory, $MOYAI_WIRE_DIR. A resource is
 * a folder KIND/HEX-OF-ID with a file `mark` (the name of the site that owns
 * it) and a file per field, as JSON. Every change passes a crash point before
 * and after, as a real one would.
 */
char *store_path(const char *kind, const char *id, const char *file); /* the caller frees */
int store_list(const char *kind, const char *site, struct text_list *owned, struct err *err);
int store_observe(const struct kind_spec *kind, const char *id, struct spec *have, bool *found,
		  struct err *err);
int store_put(const char *kind, const char *id, const char *file, const struct str *bytes,
	      struct err *err);
/* Folder and mark. */
int store_begin(const char *site, const struct step *step, struct err *err);
/* The fields that differ. */
int store_fields(const struct step *step, struct err *err);
int store_remove(const char *kind, const char *id, struct err *err);
#endif
