/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KINDS_SYSTEM_SPEC_H
#define KINDS_SYSTEM_SPEC_H
#include "engine/kind.h"
/* The disk that a cluster manager starts from and keeps its state on: docs/manager.md. */
struct system {
	char *name;
	char *disk;
	uint64_t slot_size;
	char *layout;		    /* "complete", or what lacks */
	char *image;		    /* version that the next start takes */
	char *identity;		    /* "that of the machine", or "another" */
	char *network;		    /* lines of identity/network */
	char *url;		    /* where files come from, with a slash at the end */
	char *missing;		    /* why there is nothing to fetch: the step is refused with it */
	char *disk_holds;	    /* why the disk is not touched */
	struct text_list files;	    /* "NAME PATH SHA256 BYTES" */
	struct text_list arguments; /* of the kernel */
};
extern const struct kind_spec system_spec;
#define SYSTEM_NAME "main"
#define SYSTEM_COMPLETE "complete"
#define SYSTEM_IDENTITY "that of the machine"
#endif
