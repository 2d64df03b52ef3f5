/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_CONFIGFS_H
#define SYSTEM_CONFIGFS_H
#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
/*
 * Single changes below a configfs tree. Each can be repeated: what is already
 * so is left alone, and only what changes something passes a crash point.
 */

/* The attribute's text without its end of line; NULL when it cannot be read.
   LIO says "NULL" for text that is not set: that is "" here. */
char *configfs_read(const char *folder, const char *attribute);
bool configfs_is(const char *folder, const char *attribute, const char *value);

int configfs_make(const char *folder, struct err *err); /* the parent has to be there */
int configfs_remove(const char *folder, struct err *err);
int configfs_link(const char *target, const char *link, struct err *err);
int configfs_unlink(const char *link, struct err *err);
/* Write when the attribute reads otherwise. */
int configfs_set(const char *folder, const char *attribute, const char *value, struct err *err);
/* Write whatever is there. A secret is not repeated in the error text. */
int configfs_write(const char *folder, const char *attribute, const char *value, struct err *err);

/* Names of the entries that are folders, or those that are links. */
int configfs_folders(const char *folder, struct text_list *names, struct err *err);
int configfs_links(const char *folder, struct text_list *names, struct err *err);
#endif
