/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_STORE_H
#define SYSTEM_STORE_H
#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
/*
 * Folders of files fetched over HTTP and checked by sha256: FOLDER/PATH. A file
 * is hashed once, when it has arrived; the index FOLDER/.moyai (our mark)
 * remembers the digest with size and time of change, as git's does, so that
 * looking again reads no content. A file that was touched since does not count
 * as there.
 * A file is "PATH SHA256 BYTES"; lists of them are sorted.
 */
/* Names of those below root. */
int store_list(const char *root, struct text_list *names, struct err *err);
int store_read(const char *folder, bool *found, struct text_list *files, struct err *err);
/* Fetch what is missing from url + PATH, remove what is not in the list. */
int store_make(const char *folder, const char *url, const struct text_list *files, struct err *err);
int store_remove(const char *folder, struct err *err);
#endif
