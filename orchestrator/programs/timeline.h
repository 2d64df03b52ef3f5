/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_TIMELINE_H
#define PROGRAMS_TIMELINE_H
#include "remote/conduct.h"
/*
 * What took how long when a virtual cluster was started: the steps of the apply, and then the stages of each
 * guest. `cluster start` notes it in STATE/starts/CLUSTER.json, `cluster show --timeline` draws it.
 */
struct timeline_item {
	char *lane;    /* of a step its kind; of a guest its id */
	char *what;    /* of a step its id; of a guest its stage, "kernel" */
	char *node;    /* of a step; NULL: of a guest */
	long begin_ms; /* since the timeline began */
	long end_ms;   /* -1: it has not ended */
};
struct timeline {
	char *cluster;
	char began[32]; /* "2026-11-21T10:00:00Z" */
	long zero_ms;	/* stream_now_ms() then */
	long ready_ms;	/* -1: it was not waited for, or not ready */
	struct timeline_item *items;
	size_t count;
};

void timeline_begin(struct timeline *timeline, const char *cluster);
/* A step begins or ends; other events are nothing to it. Called by one thread at a time. */
void timeline_step(struct timeline *timeline, const struct conduct_event *event);
/* The guest is at this stage from now on; NULL: at none any more. */
void timeline_stage(struct timeline *timeline, const char *guest, const char *stage);
void timeline_ready(struct timeline *timeline);

int timeline_save(const struct timeline *timeline, const char *state_dir, struct err *err);
/* 1: there is none. */
int timeline_load(const char *state_dir, const char *cluster, struct timeline *timeline,
		  struct err *err);
void timeline_free(struct timeline *timeline);

/* A row per stage, in the order in which they began. */
void timeline_table(const struct timeline *timeline, struct str *out);
void timeline_json(const struct timeline *timeline, struct str *out); /* an item per line */
/* The same as a picture, SVG 1.1: a row per stage of the apply, one per guest. */
void timeline_svg(const struct timeline *timeline, struct str *out);
#endif
