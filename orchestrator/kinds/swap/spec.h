/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KINDS_SWAP_SPEC_H
#define KINDS_SWAP_SPEC_H
#include "engine/kind.h"
/*
 * A swap area on a volume, a partition or the disk of a session, whose name it
 * has, in use through a unit of systemd. It is made on an empty device alone,
 * and made anew when the device has grown.
 */
struct swap {
	char *name;
	char *on;
	char *from; /* the session's node */
	uint64_t priority;
	char *below;   /* id of what it is on; derived */
	char *device;  /* derived */
	int active;    /* in use; derived */
	uint64_t size; /* of the device when it fills it; derived, unset when nobody can say */
	int fills;     /* it is as big as its device; derived */
	char *content; /* seen: what is there instead, ready to be shown */
	char *wipe;    /* seen: the command that takes it away */
	int silent;    /* seen: its disk does not answer, so that nobody could look */
};
extern const struct kind_spec swap_spec;
#endif
