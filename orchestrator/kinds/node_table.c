/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/kind.h"

/* clang-format off */
#define KINDS(KIND) \
	KIND(sysctl) \
	KIND(service) \
	KIND(vlan) \
	KIND(bridge) \
	KIND(masquerade) \
	KIND(partition) \
	KIND(pool) \
	KIND(volume) \
	KIND(memory) \
	KIND(target) \
	KIND(session) \
	KIND(repository)
/* clang-format on */

#define DECLARE(name) extern const struct kind_node name##_node;
KINDS(DECLARE)
#define POINTER(name) &name##_node,
const struct kind_node *const KIND_NODES[] = { KINDS(POINTER) NULL };
