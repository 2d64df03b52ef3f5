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
	bool ready;			   /* it has joined, or nobody would say */
};
struct cluster_progress {
	struct cluster_stage *items; /* as the guests of the cluster; the frontend is the first */
	size_t count;
	bool answered; /* by the frontend */
};

/* Whether its frontend is of a kind that tells. */
bool cluster_progress_told(const struct cluster *cluster);
/* Before anything is known. The caller calls cluster_progress_free(). */
void cluster_progress_init(struct cluster_progress *progress, const struct cluster *cluster);
/* host: where the frontend is. -1: it does not answer, as long as it starts; `answered` is false then, and all
   else as it was. */
int cluster_progress_ask(const struct reach *reach, struct host *host,
			 struct cluster_progress *progress, struct err *err);
bool cluster_progress_ready(const struct cluster_progress *progress);
void cluster_progress_free(struct cluster_progress *progress);

/*
 * Until all guests are ready, with a line to stderr (--json: stdout) for each stage of each. EXIT_OK: they are, or
 * nobody would say; EXIT_ERROR after having printed why: nothing has changed for ten minutes, Ctrl-C, or its
 * frontend runs nowhere.
 */
int cluster_wait(const struct options *options, const char *cluster);
#endif
