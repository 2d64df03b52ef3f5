/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ENGINE_ROLLBACK_H
#define ENGINE_ROLLBACK_H
#include "engine/slice.h"
/*
 * Back to how it was. What is there is a slice like what is wanted, so that
 * restoring it is one more apply. Only the kinds that the connection to the
 * node may depend on (`risks_connection`), none of which holds data.
 */

/* What of them is there and carries our mark, as a slice of the same site and
   node. Reads only. */
int rollback_take(struct node *node, const struct slice *slice, struct slice *before,
		  struct err *err);

/* Make it so again. One that cannot be restored does not keep the others from
   it; the error names the last such. */
int rollback_apply(struct node *node, const struct slice *before, struct err *err);
#endif
