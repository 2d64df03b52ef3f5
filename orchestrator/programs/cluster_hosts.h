/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_CLUSTER_HOSTS_H
#define PROGRAMS_CLUSTER_HOSTS_H
#include "programs/reach.h"
/* Where the guests of clusters are, as the nodes tell it that may have them. */

/* One guest. */
struct cluster_seen {
	struct text_list hosts; /* that have it */
	char *state;		/* on the last of them; NULL: none has it */
	uint64_t epoch;		/* there; FIELD_UNSET: as it is wanted */
	size_t silent;		/* nodes that may have it, and did not say */
};

/* After reach_site(): asks all gateways and VM servers, of those in --limit. Nodes that fail are in
   reach->fleet. Asked once more, hosts from before are gone. -1 after having printed why. */
int cluster_hosts_ask(const struct options *options, struct reach *reach);

/* What they said of the guest. The caller has to call cluster_seen_free(). */
struct cluster_seen cluster_hosts_look(const struct reach *reach,
				       const struct cluster_guest *guest);
/* Asks, and gives the one host that has it; the caller frees. NULL after having printed why: there is none,
   or not one alone, or it was interrupted. */
char *cluster_hosts_find(const struct options *options, struct reach *reach,
			 const struct cluster_guest *guest);
/* One of those that were asked; NULL: it was not. */
struct host *cluster_hosts_host(struct reach *reach, const char *name);
/* "running", "paused", "twice", "not there"; "unknown": nobody has it, and somebody did not answer. */
const char *cluster_seen_state(const struct cluster_seen *seen);
void cluster_seen_free(struct cluster_seen *seen);
#endif
