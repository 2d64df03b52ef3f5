/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef IMAGE_GENERATION_H
#define IMAGE_GENERATION_H
#include "base/err.h"
#include "base/str.h"
#include "model/site.h"
/*
 * Generations of images: IMAGES/generations/ROLE/VERSION/, made of hard links to the
 * files of a build, so that what two generations share is there once.
 */
enum { GENERATIONS_KEPT = 3 }; /* of each role, besides those in use */

/* Keep the newest image of the role as a generation; there already is fine. */
int generation_keep(const char *images_dir, const char *role, struct err *err);
/* Versions of the role, the newest first. */
int generation_list(const char *images_dir, const char *role, struct text_list *versions,
		    struct err *err);
/* Remove those of the role that are old, and not among the versions in use. removed:
   "ROLE VERSION" of each. */
int generation_prune(const char *images_dir, const char *role, const struct text_list *in_use,
		     struct text_list *removed, struct err *err);
#endif
