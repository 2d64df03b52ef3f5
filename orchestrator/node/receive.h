/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef NODE_RECEIVE_H
#define NODE_RECEIVE_H
#include "base/err.h"
/*
 * Other builds of moyai-node, named by hash, in the run directory.
 */

/*
 * Become RUN_DIR/moyai-node-BUILD. Returns only when that is not possible: 0
 * when there is none (or it is not what its name says), -1 when it is there
 * and cannot be executed.
 */
int receive_execute(const char *run_dir, const char *build, char **argv, struct err *err);
#endif
