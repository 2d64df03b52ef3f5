/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KINDS_REPOSITORY_SPEC_H
#define KINDS_REPOSITORY_SPEC_H
#include "engine/fetched.h"
/* The site's appliance images on the cluster manager, under /var/lib/moyai/NAME. */
struct repository {
	char *name;
	struct fetched kept;
	char *system; /* of the same node; NULL: it has no disk of its own */
};
#define REPOSITORY_ROOT "/var/lib/moyai"
extern const struct kind_spec repository_spec;
#endif
