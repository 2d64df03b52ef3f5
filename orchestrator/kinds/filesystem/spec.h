/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KINDS_FILESYSTEM_SPEC_H
#define KINDS_FILESYSTEM_SPEC_H
#include "engine/kind.h"
/*
 * An ext4 or xfs filesystem on a volume, a partition or the disk of a session,
 * whose name it has. It is made on an empty device alone. One that is there
 * already is used as it is, which a clone's is, but only what was made for
 * this device has our mark and would ever be removed.
 */
struct filesystem_spec {
	char *name;
	char *on;
	char *from; /* the session's node */
	char *type;
	char *label;
	char *below;   /* id of what it is on; derived */
	char *device;  /* derived */
	uint64_t size; /* of the device when it fills it; derived, unset when nobody can say */
	int fills;     /* it is as big as its device; derived */
	char *content; /* seen: what is there instead, ready to be shown */
	char *wipe;    /* seen: the command that takes it away */
	int silent;    /* seen: its disk does not answer, so that nobody could look */
	char *mounted; /* seen: where */
};
extern const struct kind_spec filesystem_spec;
#endif
