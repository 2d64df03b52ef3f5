/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef REMOTE_CONDUCT_H
#define REMOTE_CONDUCT_H
#include "engine/graph.h"
#include "remote/host.h"
/*
 * The phases across hosts. First every host plans; then the graph of all their
 * steps is carried out: a step starts when what it needs has come true, on
 * whichever host. One connection per host, one exec per host and phase; a host
 * without steps is not spoken to again.
 *
 * At most `parallel` hosts are busy at a time: connecting, planning or with a
 * step that runs. A host that waits for another one is not busy.
 */
enum conduct_event_type {
	CONDUCT_BUSY,	  /* the host is being asked */
	CONDUCT_ANSWERED, /* it has answered; its step_count is known */
	CONDUCT_LOST,	  /* it failed; text: why */
	CONDUCT_START,	  /* a step */
	CONDUCT_OK,	  /* a step came true */
	CONDUCT_FAILED,	  /* a step failed; text: why */
	CONDUCT_DONE,	  /* the host has nothing more to do; done: steps that came true */
	CONDUCT_MESSAGE,  /* a line its moyai-node wrote to stderr; text */
};
struct conduct_event {
	enum conduct_event_type type;
	const char *node;
	const char *kind, *id; /* START, OK, FAILED */
	enum step_action action;
	const char *text;
	/* Steps of the node, tried and in all; while planning, hosts. */
	size_t done, total;
};

struct fleet {
	const struct remote_options *options; /* borrowed */
	struct host *hosts;
	size_t count;
	size_t chosen;	    /* the first ones; those behind are outside --limit */
	struct graph graph; /* of fleet_plan(); node i is host i */
	/* Called from any thread, one at a time; must not call back. NULL: nobody. */
	void (*event)(void *context, const struct conduct_event *event);
	void *context;
	struct fleet_threads *threads;
};

/* names: nodes of the site. */
int fleet_open(struct fleet *fleet, const struct remote_options *options,
	       const struct text_list *names, struct err *err);

/* One phase on all hosts: host_status, host_facts, … through `work`. */
int fleet_each(struct fleet *fleet, void (*work)(struct host *, const struct remote_options *),
	       struct err *err);
int fleet_run(struct fleet *fleet, const struct str *request, struct err *err);

/*
 * Plan on all hosts, and where steps need something of a host that was not
 * chosen, on that one too. -1: nothing can be applied (a cycle).
 * keep: connections of hosts with steps stay open for fleet_apply().
 */
int fleet_plan(struct fleet *fleet, bool keep, struct err *err);

/*
 * Carry out the graph. What became of each step is in it; of each host in
 * host->failed. When *options->stop becomes true nothing more is started, what
 * runs is waited for, and the streams are ended as they should be.
 */
void fleet_apply(struct fleet *fleet);

size_t fleet_failed(const struct fleet *fleet); /* chosen hosts that failed */
void fleet_close(struct fleet *fleet);
#endif
