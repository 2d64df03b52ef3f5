/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_USAGE_H
#define SYSTEM_USAGE_H
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
/*
 * What guests and the machine have used of its processors so far. All of it counts up: who asks twice knows
 * what was used in between.
 */
struct usage_guest {
	char *name;
	uint64_t here_ms; /* since its QEMU was started here: since it was started, or moved here */
	uint64_t cpu_ms;  /* of processors, all threads together (proc(5), stat) */
	uint64_t
		waited_ms; /* that threads could have run and had no processor: the second number of
			       /proc/PID/task/TID/schedstat (Linux, Documentation/scheduler/sched-stats.rst);
			       those of threads that have ended are not in it */
};
struct usage_guests {
	struct usage_guest *items;
	size_t count;
};

/* Everybody's that libvirt has started here, without asking it; one that ends meanwhile is left out. The caller has
   to call usage_guests_free() in any case. */
int usage_guests_read(struct usage_guests *guests, struct err *err);
void usage_guests_free(struct usage_guests *guests);

/* One process; -1: there is none (any more). The name is not touched. */
int usage_of_process(pid_t pid, struct usage_guest *usage);

/* All processors of the machine together, since it was booted; waiting for disks is idle. -1: not known. */
int usage_of_machine(uint64_t *busy_ms, uint64_t *idle_ms);
#endif
