/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/load.h"

#include <stdlib.h>
#include <string.h>

void load_counters_free(struct load_counters *counters)
{
	for (size_t i = 0; i < counters->guest_count; i++)
		free(counters->guests[i].id);
	free(counters->guests);
	*counters = (struct load_counters){ 0 };
}

double load_guest_wants(const struct load_guest *guest)
{
	return guest->uses + guest->waits;
}

double load_host_wants(const struct load_host *host)
{
	double sum = host->others;
	for (size_t i = 0; i < host->guest_count; i++)
		sum += load_guest_wants(&host->guests[i]);
	return sum;
}

bool load_is_short(const struct load_host *host)
{
	return 2 * host->short_times > host->times;
}

struct load_host *load_find(const struct load *load, const char *node)
{
	for (size_t i = 0; i < load->count; i++)
		if (text_equal(load->hosts[i].node->name, node))
			return &load->hosts[i];
	return NULL;
}

struct load_guest *load_find_guest(const struct load_host *host, const char *id)
{
	for (size_t i = 0; i < host->guest_count; i++)
		if (text_equal(host->guests[i].id, id))
			return &host->guests[i];
	return NULL;
}

void load_free(struct load *load)
{
	for (size_t i = 0; i < load->count; i++) {
		for (size_t j = 0; j < load->hosts[i].guest_count; j++)
			free(load->hosts[i].guests[j].id);
		free(load->hosts[i].guests);
	}
	free(load->hosts);
	*load = (struct load){ 0 };
}

/* ---- one interval ---- */

static const struct load_counter *find(const struct load_counters *counters, const char *id)
{
	for (size_t i = 0; i < counters->guest_count; i++)
		if (strcmp(counters->guests[i].id, id) == 0)
			return &counters->guests[i];
	return NULL;
}

/* Threads end, and a counter that goes back says nothing. */
static double rate(uint64_t from, uint64_t to, uint64_t interval_ms)
{
	return to > from ? (double)(to - from) / (double)interval_ms : 0;
}

/* Nobody has more, whatever a node says. */
static double sane(double processors)
{
	enum { PROCESSORS_MAX = 8192 };
	return processors > PROCESSORS_MAX ? PROCESSORS_MAX : processors;
}

static struct load_guest *add_guest(struct load_host *host, const char *id)
{
	host->guests = xrealloc(host->guests, host->guest_count + 1, sizeof(*host->guests));
	host->guests[host->guest_count] = (struct load_guest){ .id = xstrdup(id) };
	return &host->guests[host->guest_count++];
}

/* Of those that have ended, nothing is wanted any more. */
static void drop_ended(struct load_host *host, const struct load_counters *now)
{
	size_t kept = 0;
	for (size_t i = 0; i < host->guest_count; i++) {
		if (find(now, host->guests[i].id) == NULL)
			free(host->guests[i].id);
		else
			host->guests[kept++] = host->guests[i];
	}
	host->guest_count = kept;
}

static double average(double before, unsigned times, double now)
{
	return before + (now - before) / (times + 1);
}

/* When its QEMU was started, by the clock that began with the host's boot: to the second. */
static uint64_t started_ms(const struct load_counters *counters, const struct load_counter *guest)
{
	return counters->up_s * 1000 > guest->here_ms ? counters->up_s * 1000 - guest->here_ms : 0;
}

static bool stayed(const struct load_counters *from, const struct load_counter *was,
		   const struct load_counters *to, const struct load_counter *is)
{
	enum { EXACT_MS = 2000 };
	if (was == NULL || is->here_ms <= was->here_ms)
		return false;
	uint64_t a = started_ms(from, was);
	uint64_t b = started_ms(to, is);
	return (a > b ? a - b : b - a) <= EXACT_MS;
}

static void add(struct load_host *host, const struct load_counter *to, bool there, double uses,
		double waits)
{
	struct load_guest *guest = load_find_guest(host, to->id);
	if (guest == NULL)
		guest = add_guest(host, to->id);
	guest->here_s = to->here_ms / 1000;
	if (!there)
		return;
	guest->uses = average(guest->uses, guest->times, uses);
	guest->waits = average(guest->waits, guest->times, waits);
	guest->times++;
}

void load_add(struct load_host *host, const struct load_counters *from,
	      const struct load_counters *to)
{
	double used = 0;
	double waited = 0;
	host->cpus = (double)to->cpus;
	host->up_s = to->up_s;
	drop_ended(host, to);
	for (size_t i = 0; i < to->guest_count; i++) {
		const struct load_counter *is = &to->guests[i];
		const struct load_counter *was = find(from, is->id);
		bool there = stayed(from, was, to, is);
		uint64_t interval_ms = there ? is->here_ms - was->here_ms : 0;
		double uses = there ? sane(rate(was->cpu_ms, is->cpu_ms, interval_ms)) : 0;
		double waits = there ? sane(rate(was->waited_ms, is->waited_ms, interval_ms)) : 0;
		add(host, is, there, uses, waits);
		used += uses;
		waited += waits;
	}
	/* All processors together are idle or busy. */
	double all = rate(from->busy_ms, to->busy_ms, 1) + rate(from->idle_ms, to->idle_ms, 1);
	double busy = all > 0 ? rate(from->busy_ms, to->busy_ms, 1) / all * host->cpus : 0;
	host->others = average(host->others, host->times, busy > used ? busy - used : 0);
	host->short_times += waited * 100 > host->cpus * LOAD_SHORT_PERCENT;
	host->times++;
}
