/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DAEMON_JOURNAL_WRITER_H
#define DAEMON_JOURNAL_WRITER_H
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
/*
 * Journal files DIR/NUMBER.journal of all nodes together, written by a child systemd-journal-remote
 * that reads the export format from us. All nodes share a file: one takes 8 MiB when it is begun, which
 * a site of a thousand nodes cannot have for each. A file that has its size is followed by another one;
 * the oldest go when all of them have theirs, and earlier where others leave little of the disk.
 */
struct journal_writer {
	char *dir;
	char *path;		 /* of the file that is written to */
	uint64_t file_max_bytes; /* set these three after journal_writer_init() to have others */
	uint64_t all_max_bytes;	 /* 0: a quarter of the file system */
	uint64_t free_min_bytes; /* with less room on the file system nothing is taken */
	pid_t child;		 /* 0: none */
	int fd;			 /* its stdin */
};
void journal_writer_init(struct journal_writer *writer, const char *dir);
/* Whole entries, each with its empty line. The child is started when there is none. -1: they are not
   there, and whoever has them keeps them. */
int journal_writer_add(struct journal_writer *writer, const char *entries, size_t length,
		       struct err *err);
/* Now and then: the sizes. -1: what is wrong is said once; then the child has ended. */
int journal_writer_turn(struct journal_writer *writer, struct err *err);
/* All is written when it returns. */
void journal_writer_close(struct journal_writer *writer);
#endif
