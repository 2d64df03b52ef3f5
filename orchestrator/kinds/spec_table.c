/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/kind.h"
#include "kinds/list.h"

#define DECLARE(name) extern const struct kind_spec name##_spec;
KINDS(DECLARE)
#define POINTER(name) &name##_spec,
const struct kind_spec *const KIND_SPECS[] = { KINDS(POINTER) NULL };
