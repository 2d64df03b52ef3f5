/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KINDS_MEMORY_SPEC_H
#define KINDS_MEMORY_SPEC_H
#include "engine/kind.h"
/* An image file in memory, /run/moyai/memory/NAME/image, in a mount of its own. */
struct memory {
	char *name;
	uint64_t size;
	char *backing;
	uint64_t available; /* seen: the node's available memory, bytes */
};
extern const struct kind_spec memory_spec;
#endif
