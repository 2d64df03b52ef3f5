/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KINDS_SYSCTL_SPEC_H
#define KINDS_SYSCTL_SPEC_H
#include "engine/kind.h"
/*
 * A kernel parameter, set now and at boot. Removing it takes the file away and
 * leaves the value: what it was before is not known. But one that forwards goes
 * back to the kernel's default, nothing, since the firewall may go with it.
 */
struct sysctl {
	char *name; /* net.ipv4.ip_forward */
	char *value;
	char *firewall; /* of the node, which stands before it forwards and goes after; derived */
};
extern const struct kind_spec sysctl_spec;

/* Whether the name is one: words of A-Z a-z 0-9 _ - joined by dots. It becomes
   part of two paths, so nothing else is let through, here or on the node. */
bool sysctl_name_valid(const char *name);
/* Whether the value may stand in a line of sysctl.d(5): not empty, no control
   character but tab. */
bool sysctl_value_valid(const char *value);
/* Runs of blanks count as one, those at the ends not at all: the kernel prints
   tabs where people write spaces. */
bool sysctl_value_equal(const char *a, const char *b);
#endif
