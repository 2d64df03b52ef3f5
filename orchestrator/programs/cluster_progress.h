/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_CLUSTER_PROGRESS_H
#define PROGRAMS_CLUSTER_PROGRESS_H
#include "programs/reach.h"
/*
 * How far the guests of a cluster that runs are, as its frontend tells it (roles/frontend, "frontend
 * progress"): by its guest agent, over its host. It is its owner's, and may say anything.
 */
struct cluster_stage {
	const struct cluster_guest *guest; /* borrowed from the site */
	char text[32];			   /* "image 40 %"; "-": nobody says */
	unsigned rank;			   /* higher: further; 0: starts */
	bool told, ready;		   /* it is told of; it has joined */
};
struct cluster_progress {
	struct cluster_stage *items; /* as the guests of the cluster; the frontend is the first */
	size_t count;
};

/* Whether its frontend is of a kind that tells. */
bool cluster_progress_told(const struct cluster *cluster);
/* Before anything is known. The caller calls cluster_progress_free(). */
void cluster_progress_init(struct cluster_progress *progress, const struct cluster *cluster);
/* host: where the frontend is. A frontend that does not answer yet leaves all as it was, as does an error: the
   host is not reached, or the frontend is not there. */
int cluster_progress_ask(const struct reach *reach, struct host *host,
			 struct cluster_progress *progress, struct err *err);
bool cluster_progress_ready(const struct cluster_progress *progress);
void cluster_progress_free(struct cluster_progress *progress);

/*
 * Until all guests are ready, with a line to stderr (--json: stdout) for each stage of each. EXIT_OK: they are;
 * EXIT_ERROR after having printed why: none of them has got further for ten minutes, Ctrl-C, or its frontend runs
 * nowhere.
 */
int cluster_wait(const struct options *options, const char *cluster);
#endif
