/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KINDS_CLOCK_SPEC_H
#define KINDS_CLOCK_SPEC_H
#include "engine/kind.h"
/*
 * The time, by chrony: from servers outside, or from the nodes of the site that
 * serve it on a network that both are in.
 */
struct clock_want {
	char *name;
	struct text_list servers; /* addresses or host names; none: those of the site */
	struct text_list serve;	  /* networks */
	struct text_list lines;	  /* of chrony's configuration */
	char *state;		  /* "running", "stale", "stopped" */
};
extern const struct kind_spec clock_spec;
#endif
