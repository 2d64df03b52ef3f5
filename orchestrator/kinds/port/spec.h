/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KINDS_PORT_SPEC_H
#define KINDS_PORT_SPEC_H
#include "engine/interface.h"
/*
 * A network port of the machine beside the one it boots from, with addresses on the untagged
 * network at its other end. The port is there whoever declares it: what Moyai makes, and takes
 * away, is its configuration.
 */
struct port {
	char *name; /* of the interface */
	uint64_t mtu;
	struct interface own;
	char *foreign; /* seen: why it cannot be one; NULL: it can */
};
extern const struct kind_spec port_spec;
#endif
