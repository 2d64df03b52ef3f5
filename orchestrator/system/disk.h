/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_DISK_H
#define SYSTEM_DISK_H
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
/*
 * A local disk and its GPT, by libparted. Positions and sizes are bytes, and
 * everything made here is aligned to 1 MiB.
 *
 * A disk may be touched when it is empty (no partition, no signature, only
 * zeros as far as system/content.h looks; a GPT without partitions counts as
 * empty, and so does one of ours of which neither half was written whole) or
 * when its GPT has a partition of ours. Partitions beside ours are left.
 *
 * A GPT whose two halves do not agree was interrupted while it was written.
 * When all in it is ours, the half that is valid counts, the first one of two,
 * and the next change writes both.
 */
#define DISK_ALIGN (1024 * 1024ULL)

struct disk_partition {
	unsigned number;
	uint64_t start;
	uint64_t size;
	uint64_t room; /* what it could grow to */
	char *label;   /* GPT name; "" when it has none */
};
struct disk {
	char *name;    /* "vdb"; NULL: no such disk */
	char *refusal; /* why it must not be touched, ready to be shown; NULL: it may be */
	bool gpt;
	bool torn;		      /* the two halves of the GPT do not agree */
	bool begun;		      /* there is the beginning of a GPT, which holds nothing */
	uint64_t size;		      /* what partitions can have in all */
	uint64_t gap;		      /* the biggest piece that is free */
	struct disk_partition *items; /* in the order of their start */
	size_t count;
};

/* Only reads. A missing or foreign disk is no error: see `refusal`. our_prefix:
   of the labels that are ours, "moyai." */
int disk_read(const char *path, const char *our_prefix, struct disk *disk, struct err *err);
void disk_free(struct disk *disk);
const struct disk_partition *disk_find(const struct disk *disk, const char *label);

/*
 * Make the partition, or let it grow; there already in this size is fine, but
 * for a torn table, which is written again.
 * size 0: the biggest gap. A new one is put into the first gap that is big
 * enough, and its first and last MiB are overwritten with zeros, so that no
 * signature of an earlier life shows up in it.
 */
int disk_partition_make(const char *path, const char *our_prefix, const char *label, uint64_t size,
			struct err *err);
/*
 * A whole table in one go, on a disk without partitions: each part follows the
 * one before; size 0, for the last one alone: all that is left. Their first and
 * last MiB are overwritten with zeros before the table is written, once.
 */
enum disk_use { DISK_FOR_LINUX, DISK_FOR_GRUB, DISK_FOR_EFI };
struct disk_part {
	const char *label;
	uint64_t size;
	enum disk_use use;
};
int disk_table_make(const char *path, const char *our_prefix, const struct disk_part *parts,
		    size_t count, struct err *err);
/* Take away the MBR's boot code, before another is written: a BIOS goes on to its next boot device
   until then. Every disk that gets a table has this from the beginning. */
int disk_pass_on(const char *path, const char *our_prefix, struct err *err);
/* Not there is fine. In use is an error. */
int disk_partition_remove(const char *path, const char *our_prefix, const char *label,
			  struct err *err);
#endif
