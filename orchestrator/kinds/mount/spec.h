/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KINDS_MOUNT_SPEC_H
#define KINDS_MOUNT_SPEC_H
#include "engine/kind.h"
/* A filesystem of ours, mounted by a unit that systemd stops when the machine does. */
struct mount {
	char *name;
	char *filesystem;
	char *where;
	struct text_list options;
	char *what; /* block device; derived */
	char *type; /* of the filesystem; derived */
	int active; /* it is mounted; derived */
};
extern const struct kind_spec mount_spec;
#endif
