/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_LIBRARY_H
#define SYSTEM_LIBRARY_H
#include <stdbool.h>

#include "base/err.h"
/*
 * Libraries that only some nodes have: loaded when first needed. moyai-node is the same program
 * on all of them, and libvirt with all that it links is many times its size; on nodes without
 * guests it is neither in the image nor loaded at each start.
 */
struct library_function {
	const char *name; /* NULL ends the list */
	void *pointer;	  /* to the pointer to the function */
};
int library_load(const char *name, const struct library_function *functions, struct err *err);
#endif
