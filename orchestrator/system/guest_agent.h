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
	unsigned
		answers_ms; /* that the agent may take to answer: one that still boots has none yet */
	struct str *output; /* what it wrote is appended; NULL: it is not asked for */
};
/* Waits for the end of the program. The node says meanwhile that it goes on. Another exit code than 0 is an
   error, with the first line that the program wrote to stderr. */
int guest_agent_run(const struct node *node, virDomainPtr domain,
		    const struct guest_agent_call *call, struct err *err);
enum { GUEST_AGENT_ANSWERS_MS = 60000, GUEST_AGENT_RUNS_MS = 120000 };
#endif
