/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ENGINE_EXPANSION_H
#define ENGINE_EXPANSION_H
#include "engine/allocate.h"
#include "model/mistake.h"
/*
 * The parts of expand.h: one cluster at work, its disks (expand_disks.c), its networks and what leads
 * in and out (expand_network.c), what its frontend is told (expand_frontend.c), its guests and the whole
 * (expand.c).
 */
struct expansion {
	struct site *site;
	struct cluster *cluster;
	const struct allocation *made;
	struct mistakes *mistakes;
};

/* A resource of the node that follows from the cluster; one of that name that the node declares is a
   mistake. Borrowed, until the next one is added to the node. */
struct spec *expansion_add(const struct expansion *of, struct site_node *node, const char *kind,
			   const char *name, struct place place);

/* Appends to a list. What does not fit the field is a mistake of the program. */
void expansion_set(struct spec *spec, const char *name, const char *text);
void expansion_set_number(struct spec *spec, const char *name, uint64_t number);

/* Whether a cluster has brought it there already; what the node declares is another thing. */
bool expansion_has(const struct site_node *node, const char *kind, const char *id);

/* That the record names: check_allocation.c has looked at it. */
struct site_node *expansion_node(const struct expansion *of, const char *name);

/* Who comes to a guest's disks, and how: its devices there. */
struct expand_hosts {
	struct site_node *host; /* NULL: the guest is not to run */
	struct site_node *to;	/* the node that it is moving to; NULL: it stays */
	struct text_list *devices, *devices_to;
};
/* One disk, if the guest has it. */
void expand_disk(const struct expansion *of, const struct cluster_guest *guest, bool scratch,
		 const char *recorded, const struct expand_hosts *hosts);

/* That scrub = "overwrite" is asked only of disks that can be overwritten. */
void expand_check_scrub(const struct expansion *of, const struct allocation *disks);

/* What may be lost: all that an absent cluster's record names; disks that are set back; snapshots that
   are forgotten. */
void expand_give_up(const struct expansion *of);

/* The guest's interfaces, and the networks that they are on. */
void expand_interfaces(const struct expansion *of, struct site_node *host,
		       const struct cluster_guest *of_guest, const struct allocated_guest *made,
		       struct spec *guest);

/* The cluster's VLAN on the host, and the bridge on it that its guests there are on; a copy of its name. */
char *expand_private(const struct expansion *of, struct site_node *host);

/* What guests of the group are started with lies on the host; once for each. */
void expand_appliance(const struct expansion *of, struct site_node *host,
		      const struct cluster_group *group);

/* That the frontend can serve its nodes what they start from. */
void expand_check_served(const struct expansion *of);

/* What the frontend is told of its cluster, with the appliances that its nodes start from, which lie on
   its host, as lines KEY=VALUE. In its settings, which another value makes anew:
     cluster=NAME   domain=DOMAIN   mirror=URL
     role=ROLE LINE       of its role.cfg, where the role is not as it is shipped
     roll=ROLL            in the order of the cluster
   and what it is told while it runs:
     key=KEY              of those who are root
     nameserver=ADDRESS
     node=NAME MAC ADDRESS VCPUS MEMORY-IN-MIB BOOT [ROLE]   ROLE: it starts from the frontend
     parameter=ROLL NAME VALUE */
void expand_told(const struct expansion *of, struct site_node *host, struct spec *frontend);

/* The ports that lead to the frontend. Once all clusters are there: one that is outside by itself may
   have put a bridge on the network. */
void expand_forwards(const struct expansion *of);
#endif
