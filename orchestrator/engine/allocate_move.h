/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ENGINE_ALLOCATE_MOVE_H
#define ENGINE_ALLOCATE_MOVE_H
#include "engine/allocate.h"
/*
 * Where a guest that runs can move to: another VM server, neither excluded nor beside the pin of its group,
 * with room for it beside all that is placed by now. Frontends stay: their link and their ports are their
 * gateway's.
 */

/* Whether it can move to this node; -1 (with err): why not. The allocations are whole. */
int allocate_move_check(const struct site *site, struct allocations *allocations,
			const struct cluster_guest *guest, const char *to, struct err *err);
/* The best of them, by its group's placement; none of `avoid`. Borrowed from the site; NULL (with err): there
   is none. */
const char *allocate_move_choose(const struct site *site, struct allocations *allocations,
				 const struct cluster *cluster, const struct cluster_guest *guest,
				 const struct text_list *avoid, struct err *err);

/* The cluster of a guest that is named as in the site, and the guest; NULL (with err): there is none. */
const struct cluster *allocate_move_find(const struct site *site, const char *id,
					 const struct cluster_guest **guest, struct err *err);
#endif
