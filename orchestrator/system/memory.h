/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_MEMORY_H
#define SYSTEM_MEMORY_H
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
/*
 * Image files in memory, each in a mount of its own:
 * /run/moyai/memory/NAME/image. Sizes are bytes.
 */
#define MEMORY_FOLDER "/run/moyai/memory"

void memory_list(struct text_list *names);
/* backing: "ramfs", "tmpfs"; the caller frees. size 0: mounted, and no image yet. */
int memory_read(const char *name, bool *found, char **backing, uint64_t *size, struct err *err);
/* Mount and make the image, or let it grow; what is there already is kept. */
int memory_make(const char *name, const char *backing, uint64_t size, struct err *err);
/* In use is an error. */
int memory_remove(const char *name, struct err *err);
/* What the node could still give: MemAvailable. */
int memory_available(uint64_t *bytes, struct err *err);
#endif
