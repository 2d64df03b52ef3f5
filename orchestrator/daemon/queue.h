/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DAEMON_QUEUE_H
#define DAEMON_QUEUE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
/*
 * Who waits to be applied without a person: nodes ask after each boot, until they
 * are told that their wanted state is applied. Pure; times are the caller's, of a clock
 * that nobody sets: what waits must not wait for a year because a wrong date was put right.
 *
 * Nodes that come within QUEUE_GATHER_MS of each other are taken together: after a
 * power cut of everything that is one apply, in which a session finds its target.
 *
 * A node that fails is refused for a while, longer with each failure in a row, so that
 * what only a person can put right is not tried for ever as fast as it can be. Whenever
 * another node comes true the while is over: it may be what was missing.
 */
enum {
	QUEUE_GATHER_MS = 2000,
	/* … but nobody waits longer than so for the others. */
	QUEUE_PATIENCE_MS = 10000,
	QUEUE_RETRY_MIN_MS = 2000,
	QUEUE_RETRY_MAX_MS = 60000,
	/* Who asks once more in the same boot is applied so often at most: anybody there can ask. */
	QUEUE_AGAIN_MS = 5000,
	/* Longer than that an apply by a person does not take. */
	QUEUE_OVERLAP_MS = 3600 * 1000,
};
enum queue_state {
	QUEUE_UNKNOWN, /* never asked, or since a boot that we did not see */
	QUEUE_WAITING,
	QUEUE_RUNNING,
	QUEUE_FAILED, /* its last apply did; it has to ask again */
	QUEUE_APPLIED,
};

struct queue_node {
	char *name;
	char *boot; /* id of the boot that asked; "" while unknown */
	enum queue_state state;
	char *question;	   /* of the same boot: the last one that was taken; "" */
	bool booted;	   /* asked with another boot while its apply ran */
	bool again;	   /* asked once more while its apply ran */
	unsigned failures; /* in a row, of this boot */
	int64_t retry_ms;  /* FAILED: not taken before */
	int64_t done_ms;   /* APPLIED: when */
};
struct queue {
	struct queue_node *items;
	size_t count;
	int64_t first_ms, last_ms; /* of those that wait: who came first, and last */
	bool running;
};

/* A node asks. What it is told: QUEUE_APPLIED, or what becomes of it. question: "" of a boot, another one
   each time when the node asks once more. */
enum queue_state queue_ask(struct queue *queue, const char *node, const char *boot,
			   const char *question, int64_t now_ms);

/* Whether it is time for the next apply; then names are those to apply, RUNNING from now on. */
bool queue_take(struct queue *queue, int64_t now_ms, struct text_list *names);

/* The apply has ended: those in failed have to ask again, the others are applied. */
void queue_done(struct queue *queue, const struct text_list *failed, int64_t now_ms);

/*
 * Another revision is the applied one. A node that came back while a person applied that was
 * brought to the one before, perhaps after it had been its turn there: those are applied again.
 */
void queue_outdated(struct queue *queue, int64_t now_ms);

/* Milliseconds until queue_take() may say yes; -1: as long as nobody asks, never. */
int queue_wait_ms(const struct queue *queue, int64_t now_ms);
const char *queue_state_text(enum queue_state state); /* "applied", "waiting" … */
void queue_free(struct queue *queue);
#endif
