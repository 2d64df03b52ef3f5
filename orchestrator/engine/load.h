/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ENGINE_LOAD_H
#define ENGINE_LOAD_H
#include "model/site.h"
/*
 * What guests want of the processors of their hosts, looked at for a while: what they use, and what they could
 * have used besides and waited for. A host that has enough for all has guests that use little and wait little; one
 * that has not can be told from one that is only busy by the waiting alone.
 */
struct load_guest {
	char *id;	 /* as libvirt knows it */
	uint64_t here_s; /* how long it has been on this host, when that was asked last */
	unsigned times;	 /* intervals in which it was there all the time */
	double uses;	 /* processors, on average over these */
	double waits;	 /* likewise */
};

struct load_host {
	const struct site_node *node; /* borrowed from the site */
	double cpus;
	double others;	/* processors that are used by what is no guest */
	uint64_t up_s;	/* since it was booted */
	unsigned times; /* intervals that were looked at */
	unsigned
		short_times; /* … in which its guests waited for more than LOAD_SHORT_PERCENT of its processors */
	bool off; /* it can be switched on; empty, and cpus is what it is declared to give */
	struct load_guest *guests;
	size_t guest_count;
};
/* Every thread waits a little each time it wakes up. */
enum { LOAD_SHORT_PERCENT = 5 };

struct load {
	struct load_host *hosts;
	size_t count;
};

/* Counters of one moment, as a node tells them in its facts (system/usage.h). */
struct load_counters {
	uint64_t cpus, up_s, busy_ms, idle_ms;
	struct load_counter {
		char *id;
		uint64_t here_ms, cpu_ms, waited_ms;
	} * guests;
	size_t guest_count;
};
void load_counters_free(struct load_counters *counters);

/* One interval more: between two moments of the same boot. A guest that was not there all the time, by the same
   QEMU, counts from the next one on. */
void load_add(struct load_host *host, const struct load_counters *from,
	      const struct load_counters *to);

/* What it wants of its host, and what all want of that. */
double load_guest_wants(const struct load_guest *guest);
double load_host_wants(const struct load_host *host);
/* In more than half of the intervals: one peak is no reason to move anything. */
bool load_is_short(const struct load_host *host);

struct load_host *load_find(const struct load *load, const char *node);
struct load_guest *load_find_guest(const struct load_host *host, const char *id);
void load_free(struct load *load);
#endif
