/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DAEMON_QUEUE_H
#define DAEMON_QUEUE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
/*
 * Who waits to be applied without a person: nodes ask after each boot, until they
 * are told that their wanted state is applied. Pure; times are the caller's.
 *
 * Nodes that come within QUEUE_GATHER_MS of each other are taken together: after a
 * power cut of everything that is one apply, in which a session finds its target.
 */
enum {
	QUEUE_GATHER_MS = 2000,
	/* … but nobody waits longer than so for the others. */
	QUEUE_PATIENCE_MS = 10000,
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
	bool again; /* asked with another boot while its apply ran */
};
struct queue {
	struct queue_node *items;
	size_t count;
	int64_t first_ms, last_ms; /* of those that wait: who came first, and last */
	bool running;
};

/* A node asks. What it is told: QUEUE_APPLIED, or what becomes of it. */
enum queue_state queue_ask(struct queue *queue, const char *node, const char *boot, int64_t now_ms);

/* Whether it is time for the next apply; then names are those to apply, RUNNING from now on. */
bool queue_take(struct queue *queue, int64_t now_ms, struct text_list *names);

/* The apply has ended: those in failed have to ask again, the others are applied. */
void queue_done(struct queue *queue, const struct text_list *failed, int64_t now_ms);

/* Milliseconds until queue_take() may say yes; -1: as long as nobody asks, never. */
int queue_wait_ms(const struct queue *queue, int64_t now_ms);
const char *queue_state_text(enum queue_state state); /* "applied", "waiting" … */
void queue_free(struct queue *queue);
#endif
