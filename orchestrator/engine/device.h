/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ENGINE_DEVICE_H
#define ENGINE_DEVICE_H
#include "engine/kind.h"
/*
 * What a resource gives to those above it: a block device (or an image file),
 * how big that is in the end, and what it takes of what is below. Pure, from
 * the declarations alone: the kinds that make the device and those that use it
 * have to agree on it before there is one.
 */
#define DEVICE_EXTENT (4 * 1024 * 1024ULL) /* of every pool: sizes of volumes are multiples */

/* kind: "volume", "memory", "partition" or "session"; id: of the resource. A copy; NULL when the node
   declares none of this id. */
char *device_path(const struct site_node *node, const char *kind, const char *id);
/* Bytes; FIELD_UNSET when nobody can say beforehand. Not for sessions. */
uint64_t device_size(const struct site_node *node, const char *kind, const char *id);

/* Of any of them, seen from the node that is derived for; a session has its target's. */
uint64_t device_size_on(const struct derive *from, const char *kind, const char *id);

/* The id of what a filesystem or swap area is on: its name, FROM/NAME of a session's. A copy. */
char *device_below(const struct spec *spec);
/* Of a kind that has the fields name, on and from, and stands on that device: mistakes of these two, and
   a device that somebody else uses: two would write over each other. */
void device_check(const struct site_node *node, const struct spec *want, struct mistakes *mistakes);

/* The row of what stands on a device whose disk does not answer: it is taken to be as wanted, for
   nobody can look, and a read would wait as long. */
#define DEVICE_SILENT_FIELD(type, member)                                                          \
	{                                                                                          \
		"silent", FIELD_BOOL, offsetof(type, member), FIELD_DERIVED | FIELD_VOLATILE, 0,   \
			0, NULL, NULL, "whether its disk does not answer"                          \
	}
/* What is said of it; NULL when it answers. A copy. */
char *device_warn(int silent);

/* Of a volume: its type, also where it is not written ("thin" of a clone), and what it takes of its
   pool: copies of a mirror and metadata counted, nothing for a thin one. */
const char *device_volume_type(const struct spec *volume);
uint64_t device_volume_takes(const struct site_node *node, const struct spec *volume);
/* Of a thin pool of this size. */
uint64_t device_thin_metadata(uint64_t size);

/* Whether following `of` from one volume to the next comes to no end. */
bool device_volume_circles(const struct site_node *node, const struct spec *volume);
#endif
