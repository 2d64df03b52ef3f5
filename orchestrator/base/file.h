/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_FILE_H
#define BASE_FILE_H
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

/* Append the whole file to out; more than limit_bytes is an error. */
int file_read(const char *path, size_t limit_bytes, struct str *out, struct err *err);

/*
 * Replace the file as a whole or not at all: a temporary file PATH.new beside
 * it, fsync, rename. A crash leaves the old file or the new one, never a part,
 * and at most that one temporary file, which the next writer takes over.
 */
int file_write(const char *path, const void *bytes, size_t length, mode_t mode, struct err *err);

/* As file_write(), but a file that is there stays as it is, and that is fine: when two
   make it at once, the first one's stays. */
int file_create(const char *path, const void *bytes, size_t length, mode_t mode, struct err *err);

/* Create the directory and its missing parents. There already is fine. */
int file_make_dirs(const char *path, mode_t mode, struct err *err);

bool file_exists(const char *path);
bool file_is_dir(const char *path);

/* Names in a directory, sorted, without "." and "..". A missing directory is
   an empty list. */
int file_list_dir(const char *path, struct text_list *names, struct err *err);

/* Remove a file; not there is fine. */
int file_remove(const char *path, struct err *err);

/* Write all bytes to a descriptor. */
int file_write_all(int fd, const void *bytes, size_t length, struct err *err);
#endif
