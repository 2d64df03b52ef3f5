/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KINDS_APPLIANCE_SPEC_H
#define KINDS_APPLIANCE_SPEC_H
#include "engine/fetched.h"
/*
 * Kernel and initramfs of an appliance on a host, which starts guests with them: under
 * APPLIANCE_ROOT/ROLE. Unlike the manager's repository it follows from the clusters alone, and
 * nobody boots from it: an unattended apply brings it, so that a host that comes back starts its
 * guests.
 */
struct appliance {
	char *name; /* the role */
	struct fetched kept;
};
extern const struct kind_spec appliance_spec;
#endif
