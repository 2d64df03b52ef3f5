/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_SCRUB_H
#define SYSTEM_SCRUB_H
#include <stdbool.h>

#include "base/err.h"
#include "system/node.h"
/*
 * Takes the content off a block device that nobody has open. overwrite: all of it is written with
 * zeros; else it is given back to the disk, and overwritten where the disk takes none back. What a
 * disk answers for blocks it was given back is its own: most say zeros, none has to.
 * Tells the node that it goes on; after a crash it begins anew.
 */
int scrub_device(const struct node *node, const char *path, bool overwrite, struct err *err);
#endif
