/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/kind.h"

/* In order of application: what is needed comes before what needs it. */
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

#define DECLARE(name) extern const struct kind_spec name##_spec;
KINDS(DECLARE)
#define POINTER(name) &name##_spec,
const struct kind_spec *const KIND_SPECS[] = { KINDS(POINTER) NULL };
