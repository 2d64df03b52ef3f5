/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KINDS_SERVICE_SPEC_H
#define KINDS_SERVICE_SPEC_H
#include "engine/kind.h"
/*
 * A systemd unit that is to run, or not to. Removing the declaration takes the
 * mark away and leaves the unit as it is.
 */
struct service {
	char *name;	 /* libvirtd.service */
	char *state;	 /* running, stopped */
	char *sub_state; /* observed: systemd's word, "running", "failed", "dead" … */
};
extern const struct kind_spec service_spec;

/* Whether it can be a unit's name: it becomes an argument and part of a path. */
bool service_name_valid(const char *name);
#endif
