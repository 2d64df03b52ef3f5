/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KINDS_APPLIANCE_SPEC_H
#define KINDS_APPLIANCE_SPEC_H
#include "engine/fetched.h"
/*
 * The files of an appliance on a host, which starts guests with them, or whose frontend hands them on:
 * under APPLIANCE_ROOT/ROLE. Kernel and initramfs, and where that is not all, the layers. Unlike the manager's repository it follows from the clusters alone, and
 * nobody boots from it: an unattended apply brings it, so that a host that comes back starts its
 * guests.
 */
struct appliance {
	char *name; /* the role */
	struct fetched kept;
};
extern const struct kind_spec appliance_spec;
#endif
