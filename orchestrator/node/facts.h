/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef NODE_FACTS_H
#define NODE_FACTS_H
#include <jansson.h>

#include "base/err.h"
#include "system/node.h"
/* What this machine is: a JSON object that the caller frees, or NULL. */
json_t *facts_collect(struct node *node, struct err *err);
#endif
