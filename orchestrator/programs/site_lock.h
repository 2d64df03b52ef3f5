/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_SITE_LOCK_H
#define PROGRAMS_SITE_LOCK_H
#include <stdbool.h>

#include "base/err.h"
/*
 * One apply at a time per site: STATE/apply.lock. The lock is the kernel's
 * (flock) and so ends with its holder; the file says who that is, as JSON:
 * {"who":"ann@desk","pid":4711,"since":"…","what":"apply --limit vm1"}.
 * Each node has a lock of its own besides: two operators need not share a
 * state directory.
 */
struct site_lock {
	int fd;
	bool waited; /* the site may have changed meanwhile */
};

/*
 * what: the command, for whoever waits. Waiting is told on stderr, with the
 * holder's name, and ends when *stop becomes true. Without `wait` a lock that
 * is held is an error that names the holder.
 */
int site_lock_take(const char *state_dir, const char *what, bool wait, const bool *stop,
		   struct site_lock *lock, struct err *err);
void site_lock_release(struct site_lock *lock);

/* The process that holds the lock, 0 for none. */
long site_lock_holder(const char *state_dir);
#endif
