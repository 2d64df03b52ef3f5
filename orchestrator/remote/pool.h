/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef REMOTE_POOL_H
#define REMOTE_POOL_H
#include <stddef.h>

#include "base/err.h"
/*
 * work(context, i) for every i below count, by at most `parallel` threads,
 * taken in order. Returns when all are done.
 */
int pool_run(size_t count, unsigned parallel, void (*work)(void *context, size_t index),
	     void *context, struct err *err);

/* Stacks are small, so that a thousand threads are cheap: nothing under
   remote/ keeps large objects on them. */
enum { POOL_STACK_BYTES = 512 * 1024 };
#endif
