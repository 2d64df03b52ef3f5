/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/kind.h"
#include "kinds/list.h"

#define DECLARE(name) extern const struct kind_node name##_node;
KINDS(DECLARE)
#define POINTER(name) &name##_node,
const struct kind_node *const KIND_NODES[] = { KINDS(POINTER) NULL };
