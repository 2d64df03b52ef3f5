/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KINDS_ROUTE_SPEC_H
#define KINDS_ROUTE_SPEC_H
#include "engine/kind.h"
/* A static route, IPv4 or IPv6. Its name is where it leads to. */
struct route_want {
	char *name; /* "10.0.0.0/8" */
	char *via;  /* address of the router; "0.0.0.0" or "::": directly on the link */
	char *link; /* interface */
	uint64_t metric;
};
extern const struct kind_spec route_spec;
#endif
