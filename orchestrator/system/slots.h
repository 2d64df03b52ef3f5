/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_SLOTS_H
#define SYSTEM_SLOTS_H
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
/*
 * The disk a cluster manager starts from: docs/manager.md, "What is where" and
 * "Starting from the disk". All of it is repeatable after a crash anywhere.
 * GRUB's variables are read and written by /usr/lib/moyai/slot alone.
 */
#define SLOTS_PREFIX "moyai-" /* of the labels */
enum {
	SLOTS_BIOS_BYTES = 1024 * 1024,
	SLOTS_ESP_BYTES = 128 * 1024 * 1024,
	/* Of the state partition: less is of no use. */
	SLOTS_STATE_MIN_BYTES = 256 * 1024 * 1024,
};

/* The disk that has our partitions, "/dev/vdb"; NULL: none. */
int slots_disk(char **disk, struct err *err);

/* Make the five partitions; there already is fine. */
int slots_table_make(const char *disk, uint64_t slot_bytes, struct err *err);
/* File systems, mounts, GRUB. lacks: the first that is not there; NULL: nothing. */
int slots_lacks(char **lacks, struct err *err);
int slots_complete(const char *disk, struct err *err);
/* Why nothing is made on this disk, that has our partitions: the state was lost. NULL: it was not.
   The caller frees. */
int slots_damage(const char *disk, char **why, struct err *err);

/* The version that the next start takes, "none" when there is none. Meaningful once nothing lacks. */
int slots_image(char **version, struct err *err);
struct slots_image {
	const char *version;
	const char *url; /* what its paths follow, with a slash at the end */
	const struct text_list
		*files; /* "NAME PATH SHA256 BYTES": vmlinuz, initrd.img, 1.squashfs … */
	const struct text_list *arguments; /* of the kernel */
};
/* Fill the slot that does not run, and put it on trial (where none works yet: make it the slot). */
int slots_image_make(const struct slots_image *image, struct err *err);

/* Whether the identity on the state partition is that of the running machine with
   this network (lines of identity/network). */
int slots_identity(const char *network, bool *same, struct err *err);
int slots_identity_make(const char *network, struct err *err);

/* Unmount and remove the partitions: all of it goes. In use is an error. */
int slots_remove(struct err *err);
#endif
