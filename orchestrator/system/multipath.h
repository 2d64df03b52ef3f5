/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_MULTIPATH_H
#define SYSTEM_MULTIPATH_H
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
/*
 * One disk that is reached over several ways: a map of dm-multipath, which the stock multipathd
 * makes and looks after. The images' /etc/multipath.conf excludes every disk; for each map of ours
 * a file in conf.d, our mark, lets the disks of one WWID in again and says how they are joined.
 * Disks of others are never looked at, whatever is plugged in.
 */
struct node;

struct multipath {
	char *wwid;	    /* that every way to the disk reports: "36001405…" */
	uint64_t timeout_s; /* how long reads and writes wait while no way is left */
};
void multipath_free(struct multipath *map);

/* The text of the file: pure. id: "store1/home"; the map is called "moyai.store1.home". */
void multipath_text(const char *id, const struct multipath *map, struct str *out);

/* Ids that have a file of ours. */
int multipath_list(struct text_list *ids, struct err *err);
/* The file. intact: it is word for word as we write it. */
int multipath_read(const char *id, struct multipath *map, bool *found, bool *intact,
		   struct err *err);
/* Write the file, and have multipathd run and know it. */
int multipath_write(const char *id, const struct multipath *map, struct err *err);
int multipath_forget(const char *id, struct err *err);

/* The kernel's name of the map, "dm-3", a copy; NULL: there is none. */
char *multipath_disk(const char *id);
/* Whether "sda" is one of the ways of "dm-3". */
bool multipath_joins(const char *disk, const char *path);
/* Whether multipathd runs: without it no way that was lost comes back. */
int multipath_watched(struct node *node, bool *watched, struct err *err);

/* The ways have another size: the map takes it on. */
int multipath_resize(const char *id, struct err *err);
/* Take the map away. What waits in it fails; one in use is an error. None is fine. */
int multipath_flush(const char *id, struct err *err);
#endif
