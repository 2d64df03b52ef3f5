/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KINDS_MASQUERADE_SPEC_H
#define KINDS_MASQUERADE_SPEC_H
#include "engine/kind.h"
/*
 * Packets from a network that leave through an interface get its address. That
 * the node forwards at all is the sysctl net.ipv4.ip_forward of its role.
 */
struct masquerade {
	char *name;
	char *from; /* CIDR */
	char *out;  /* interface */
};
extern const struct kind_spec masquerade_spec;
#endif
