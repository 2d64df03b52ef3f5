/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DAEMON_JOURNAL_EXPORT_H
#define DAEMON_JOURNAL_EXPORT_H
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
/*
 * A stream of systemd's Journal Export Format as a node sends it, cut into its entries: fields
 * "NAME=value", or NAME, 64 bits of length (little endian) and that many bytes for what is no text;
 * an empty line ends the entry (https://systemd.io/JOURNAL_EXPORT_FORMAT). Who sends is not
 * believed: what systemd-journal-remote would end over never reaches it. Pure.
 */
enum {
	JOURNAL_ENTRY_MAX_BYTES = 1 << 20, /* a larger one is left out */
	JOURNAL_NAME_MAX_BYTES = 64,	   /* as journald has it */
	JOURNAL_FIELDS_MAX = 1000,	   /* systemd-journal-remote takes 1024 */
	JOURNAL_ID_SIZE = 33,		   /* 128 bits in hex, and the end */
};

struct journal_entry {
	/* All fields but _HOSTNAME, the time and those that are the sender's own matter (__CURSOR …),
	   each as in the stream, without the empty line. Borrowed. */
	const char *fields;
	size_t length;
	uint64_t realtime_us, monotonic_us;
	bool source_time; /* has a _SOURCE_REALTIME_TIMESTAMP */
	char boot[JOURNAL_ID_SIZE];
	/* Where it stands in the sender's journal; source "": not known. */
	char source[JOURNAL_ID_SIZE];
	uint64_t number;
	/* Of the kernel's lines: what the kernel said when. */
	bool kernel;
	uint64_t kernel_us;
	const char *message; /* borrowed; not terminated */
	size_t message_length;
};

struct journal_export {
	struct str pending; /* what came of the current field */
	struct str fields;  /* of the entry so far */
	struct journal_entry entry;
	size_t message_at; /* in fields */
	uint64_t binary;   /* so many bytes of a value are to come, with the line's end */
	unsigned count;	   /* of fields */
	bool in_binary, too_large;
	bool skips;	   /* the rest of a line that is too long */
	uint64_t left_out; /* entries */
};
#define JOURNAL_EXPORT_INIT                                                                        \
	{                                                                                          \
		.in_binary = false                                                                 \
	}

/* Each whole entry goes to `take`. -1: this is no such stream, or take() said so; it is to be read no
   further. */
int journal_export_add(struct journal_export *stream, const char *bytes, size_t length,
		       int (*take)(void *context, const struct journal_entry *, struct err *),
		       void *context, struct err *err);
/* At its end: an entry that was cut off is an error. */
int journal_export_end(const struct journal_export *stream, struct err *err);
void journal_export_free(struct journal_export *stream);
#endif
