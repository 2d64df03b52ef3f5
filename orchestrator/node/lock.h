/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef NODE_LOCK_H
#define NODE_LOCK_H
#include "base/err.h"
/*
 * One apply at a time per node. The lock is the kernel's (flock) and so ends
 * with its holder; the file's text only says who that is, for people: other builds of
 * moyai-node show it as it is. who: "ann@desk"; NULL: a moyai that does not say.
 * Returns a descriptor to be closed by lock_release(), or -1.
 */
int lock_take(const char *run_dir, const char *who, struct err *err);
/* A child of the holder that keeps it longer puts its own process there. */
void lock_name_holder(int lock, const char *who);
void lock_release(int lock);
#endif
