/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MODEL_ALLOCATION_H
#define MODEL_ALLOCATION_H
#include <stdbool.h>

#include "base/str.h"
#include "model/field.h"
/*
 * What the operator of a virtual cluster did not choose, decided once (engine/allocate.h) and
 * recorded in allocations/NAME.cfg: like a lock file it is machine-written, committed with the
 * site and read back as input. What the cluster's own file chooses is not in it.
 *
 * IQNs are not in it either: they follow from the names of the site, the storage node and the
 * disk (engine/export.h).
 */
#define ALLOCATION_FOLDER "allocations"

enum { ALLOCATION_SNAPSHOTS_MAX = 32 };

struct allocated_guest {
	char *name; /* in the cluster */
	char *host; /* the node it is placed on first; where it runs is observed. NULL: none yet */
	char *to;   /* the node it is moving to by now; NULL: it stays where it is */
	char *address;	   /* in the private network */
	char *mac;	   /* of its interface there */
	char *outside_mac; /* of the frontend's other one; NULL: it has none */
	char *disk;	   /* NODE/POOL or NODE/POOL/THIN-POOL it is cut from; NULL: it has none */
	char *scratch;	   /* likewise */
	/* SNAPSHOT@SECONDS since 1970: what it was set back to the last time, and when; NULL: never was */
	char *disk_reset, *scratch_reset;
	uint64_t epoch; /* how often it was moved while it ran; FIELD_UNSET: never was */
	struct place place;
};

struct allocation {
	char *cluster;		    /* NULL: there is no record */
	uint64_t rotation;	    /* of the cluster's secrets: another number, other secrets */
	uint64_t vlan;		    /* FIELD_UNSET: chosen in the cluster's file */
	char *cidr;		    /* NULL: likewise */
	struct text_list snapshots; /* SNAPSHOT@SECONDS since 1970: of all its disks together */
	struct text_list forgotten; /* snapshots that may be lost */
	/* DISK@NODE/POOL or …/THIN-POOL: disks of nodes that were taken out, which may be lost; DISK is NODE or
	   NODE-scratch. When the node comes back it has its disk where it was */
	struct text_list given_up;
	struct allocated_guest *guests;
	size_t guest_count;
	struct place place;
};
extern const struct field ALLOCATION_FIELDS[];
extern const struct field ALLOCATED_GUEST_FIELDS[];

void allocation_init(struct allocation *allocation);
void allocation_free(struct allocation *allocation); /* to init'ed */
void allocation_copy(struct allocation *to, const struct allocation *from);
struct allocated_guest *allocation_find(const struct allocation *allocation, const char *guest);
/* Append one; borrowed until the next. */
struct allocated_guest *allocation_add(struct allocation *allocation, const char *guest);

/* The parts of `disk` and `scratch`. */
struct allocated_disk {
	char *node, *pool;
	char *thin_pool; /* NULL: it is cut from the pool itself */
};
bool allocated_disk_parse(const char *text, struct allocated_disk *disk);
/* The parts of DISK@NODE/POOL…; the caller frees name, and the parts. */
bool allocated_given_up_parse(const char *text, char **name, struct allocated_disk *disk);
/* The parts of SNAPSHOT@SECONDS; the caller frees snapshot. */
bool allocated_reset_parse(const char *text, char **snapshot, uint64_t *seconds);
/* Whether the record has a snapshot of this name. */
bool allocation_has_snapshot(const struct allocation *allocation, const char *snapshot);
/* Whether one of its disks was set back to this snapshot the last time. */
bool allocated_is_set_back(const struct allocated_guest *guest, const char *snapshot);
void allocated_disk_free(struct allocated_disk *disk);

/* The file as text that reads back to the same. */
void allocation_print(const struct allocation *allocation, struct str *out);
#endif
