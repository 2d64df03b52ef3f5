/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_MARK_H
#define SYSTEM_MARK_H
#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
/*
 * The mark of filesystems and swap areas of ours is their UUID: it says for
 * which device of which node it was made. What a clone or a copied disk holds
 * has the mark of another, and is used like any filesystem but never wiped.
 */
struct node;
enum { MARK_SIZE = 37 };

/* on: "volume", "partition" or "session"; below: that one's id. */
int mark_uuid(const struct node *node, const char *on, const char *below, char uuid[MARK_SIZE],
	      struct err *err);

/*
 * Names of our volumes and partitions and of the disks of our sessions that
 * hold something with their own mark; `swap`: swap areas, or filesystems. By
 * what udev saw when it was made: nothing is read from the devices.
 */
int mark_list(struct node *node, bool swap, struct text_list *names, struct err *err);

/* The device that has this name and its own mark; free it with mark_place_free(). on NULL: none. */
struct mark_place {
	const char *on; /* static text */
	char *below;
	char *device;
};
int mark_find(struct node *node, bool swap, const char *name, struct mark_place *out,
	      struct err *err);
void mark_place_free(struct mark_place *place);
#endif
