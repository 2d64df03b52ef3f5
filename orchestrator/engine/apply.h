/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ENGINE_APPLY_H
#define ENGINE_APPLY_H
#include "engine/plan.h"
/*
 * Carry out one step: observe again and compare the digest with the one that
 * was planned and shown (a mismatch is an error: "changed since it was
 * planned"; what is gone since is made again, and what is to go goes however it looks, unless
 * its kind holds data), do
 * it, then observe until nothing differs or the kind's settle time has passed.
 * `digest` NULL: known after an earlier step of the same apply; not compared.
 */
int apply_step(struct node *node, const struct slice *slice, const char *kind, const char *id,
	       const char *digest, struct err *err);
#endif
