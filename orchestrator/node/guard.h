/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef NODE_GUARD_H
#define NODE_GUARD_H
#include "engine/slice.h"
/*
 * Takes network changes back that nobody confirms. A process of its own, which
 * outlives the connection and the apply; it keeps the node's lock until the
 * changes are confirmed or taken back. What was there before it knows from
 * rollback_take(), taken when it is armed.
 *
 * A file in RUN_DIR, named by a token, decides: the confirmation removes it
 * (guard_confirm(), by whichever process), or the guard when the time is up.
 */
struct guard {
	int talk; /* to the process; -1: not armed */
	int pid;
};
#define GUARD_INIT                                                                                 \
	{                                                                                          \
		-1, 0                                                                              \
	}

/* Whether it is what a token looks like: it becomes part of a path. */
bool guard_token_valid(const char *token);

/* The time counts from the end of each step. The caller keeps `lock`. */
int guard_arm(struct guard *guard, struct node *node, const struct slice *slice,
	      const char *run_dir, const char *token, unsigned seconds, int lock, struct err *err);
/* Around each step: between the two the guard does nothing. -1: it was not
   confirmed in time, and the changes were taken back. */
int guard_hold(struct guard *guard, struct err *err);
void guard_let_go(struct guard *guard);
/* Whether it still waits: then it owns the lock from now on. Frees the guard. */
bool guard_leave(struct guard *guard);

/* Confirms what an apply left unconfirmed that is no more: the next one reaches the
   node, and that is all there is to prove. Whether there was something. */
bool guard_adopt(const char *run_dir);
int guard_confirm(const char *run_dir, const char *token, struct err *err);

/* When and how changes were taken back, as a line; nothing is added when none
   were since guard_forget(). */
void guard_last(const char *run_dir, struct str *out);
int guard_forget(const char *run_dir, struct err *err);
#endif
