/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MODEL_CLUSTER_H
#define MODEL_CLUSTER_H
#include <stdbool.h>

#include "model/allocation.h"
/*
 * A virtual cluster: clusters/NAME.cfg. One guest is its frontend, which has a leg outside and
 * one in the cluster's private VLAN; the others, its nodes, are in the VLAN alone. What the file
 * leaves open is in the cluster's record (model/allocation.h).
 */
#define CLUSTER_FOLDER "clusters"
#define CLUSTER_FRONTEND "frontend" /* what the frontend is called in its cluster */

enum {
	CLUSTER_GUESTS_MAX = 1024, /* of one cluster */
	CLUSTER_PREFIX_MIN = 16,   /* of its private network: 65 533 addresses… */
	CLUSTER_PREFIX_MAX = 28,   /* …to 13 */
};

/* Guests that are alike: a group of nodes, or the frontend alone. */
struct cluster_group {
	char *name;	/* "compute"; the frontend's is CLUSTER_FRONTEND */
	uint64_t count; /* its nodes are NAME1, NAME2, …; FIELD_UNSET: they are named */
	char *names;	/* "big[1-2],gpu"; NULL: they are counted */
	uint64_t vcpus;
	uint64_t memory;  /* bytes */
	uint64_t disk;	  /* bytes; FIELD_UNSET: none */
	uint64_t scratch; /* bytes of a second disk, lost with the node; FIELD_UNSET: none */
	char *appliance;
	char *role; /* whose image they run: the appliance, or what compose.c makes of it */
	bool alone; /* it is all in its initramfs; by read_role.c */
	char *boot; /* "install", "golden", "ram"; NULL of the frontend */
	struct text_list packages; /* Debian packages besides the appliance's */
	char *placement;	   /* "spread", "pack"; NULL of the frontend */
	char *pin;		   /* node set: no other hosts; NULL: any */
	char *exclude;		   /* node set: not these hosts; NULL: none */
	struct place place;
};

/* The frontend's outside, when it has an address of its own there. */
struct cluster_external {
	char *network; /* of the site; NULL: the frontend has none */
	char *address;
	struct place place;
};

/* A port of the gateway node that leads to the frontend. */
struct cluster_forward {
	char *protocol; /* "tcp", "udp" */
	uint64_t port;	/* of the gateway node… */
	char *network;	/* …at its address there; NULL: on the boot network */
	uint64_t to;	/* of the frontend; FIELD_UNSET: the same port */
	struct place place;
};
/* The network's name: that of the boot network when none is given. */
const char *cluster_forward_network(const struct cluster_forward *forward,
				    const char *boot_network);
/* The frontend's port. */
uint64_t cluster_forward_to(const struct cluster_forward *forward);

/* `parameters = { slurm = { partition = "batch"; }; }` */
struct cluster_parameter {
	char *roll, *name, *value;
	struct place place;
};

/* One virtual machine. */
struct cluster_guest {
	const struct cluster_group *group; /* borrowed from the cluster */
	char *name;			   /* in the cluster: "frontend", "compute1" */
	char *id;			   /* in the site: "genome-compute1"; also its disk */
	char *scratch_id;		   /* "genome-compute1-scratch"; NULL: it has none */
};

struct cluster {
	char *name;
	char *state;   /* "running", "stopped", "absent" */
	uint64_t vlan; /* FIELD_UNSET: from the site's pool */
	char *cidr;    /* of the private network; NULL: allocated */
	char *attach;  /* who logs in to its disks: "host", "direct" (QEMU) */
	char *scrub;   /* of its disks, when they are removed: "discard", "overwrite" */
	struct text_list rolls;
	struct text_list authorized_keys; /* root's on the frontend */
	struct cluster_group frontend;
	struct cluster_group *groups;
	size_t group_count;
	struct cluster_external external;
	struct cluster_forward *forwards;
	size_t forward_count;
	struct cluster_parameter *parameters;
	size_t parameter_count;
	struct cluster_guest *guests; /* the frontend, then the groups' as they are written */
	size_t guest_count;
	struct allocation recorded; /* what its record says; empty when there is none */
	bool open;		    /* something of it is not recorded yet; by engine/expand.h */
	struct place place;
};

extern const struct field CLUSTER_FIELDS[];
extern const struct field CLUSTER_FRONTEND_FIELDS[];
extern const struct field CLUSTER_GROUP_FIELDS[];
extern const struct field CLUSTER_EXTERNAL_FIELDS[];
extern const struct field CLUSTER_FORWARD_FIELDS[];

void cluster_free(struct cluster *cluster);
struct cluster_guest *cluster_find_guest(const struct cluster *cluster, const char *name);

/* Of its private network: what its file chooses, else what the record has. */
uint64_t cluster_vlan(const struct cluster *cluster, const struct allocation *allocation);
const char *cluster_cidr(const struct cluster *cluster, const struct allocation *allocation);

/* Its frontend has a link to the gateway that it is on, for the ports that lead to it. */
bool cluster_has_link(const struct cluster *cluster);
bool cluster_is_frontend(const struct cluster_guest *guest);
/* Its host starts it with kernel and initrd of its appliance: the frontend, and a diskless node whose
   appliance is all in its initramfs. */
bool cluster_starts_appliance(const struct cluster_guest *guest);
/* It has its appliance from its frontend, over the private network. */
bool cluster_starts_from_frontend(const struct cluster_guest *guest);
/* Its guests are there, or are to be: "running" or "stopped". */
bool cluster_is_wanted(const struct cluster *cluster);
/* Its guests take processors and memory of their hosts. A stopped one's disks stay alone. */
bool cluster_is_running(const struct cluster *cluster);
#endif
