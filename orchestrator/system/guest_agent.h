/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_GUEST_AGENT_H
#define SYSTEM_GUEST_AGENT_H
#include <libvirt/libvirt.h>

#include "base/str.h"
#include "system/node.h"
/*
 * A program in a running guest, by its qemu-guest-agent(8), to whom libvirt passes the words on
 * (https://qemu.readthedocs.io/en/v7.2.0/interop/qemu-ga-ref.html). The guest is its owner's: the agent may
 * not answer, and may answer anything.
 */

struct guest_agent_call {
	const char *const *argv; /* argv[0] is its path */
	const struct str *input; /* its standard input */
	/* How long the agent may take to answer, for one that still boots has none yet, and the program to end. */
	unsigned answers_ms, runs_ms;
	bool may_be_silent; /* that no agent answers is no error */
	struct str *output; /* what it wrote is appended; NULL: it is not asked for */
};
/* Waits for the end of the program. The node says meanwhile that it goes on. Another exit code than 0 is an
   error, with the first line that the program wrote to stderr. 1: no agent has answered, and may_be_silent. */
int guest_agent_run(const struct node *node, virDomainPtr domain,
		    const struct guest_agent_call *call, struct err *err);
enum { GUEST_AGENT_ANSWERS_MS = 60000, GUEST_AGENT_RUNS_MS = 120000 };
#endif
