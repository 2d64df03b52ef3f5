/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/load_watch.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "programs/reach.h"
#include "programs/show.h"

struct watch {
	const struct options *options;
	const struct site *site;
	struct reach reach;
	struct load_counters *last; /* as in the load */
	struct load *load;
};

static bool is_looked_at(const struct site *site, const struct site_node *node)
{
	return node->guests.vcpus != FIELD_UNSET && !node->guests.closed &&
	       site_node_is(site, node, "vm-server");
}

static void add_hosts(const struct site *site, struct load *load)
{
	load->hosts = xcalloc(site->node_count + 1, sizeof(*load->hosts));
	for (size_t i = 0; i < site->node_count; i++)
		if (is_looked_at(site, &site->nodes[i]))
			load->hosts[load->count++] = (struct load_host){ .node = &site->nodes[i] };
}

/* ---- one moment ---- */

/* A node may say anything. */
static uint64_t number(const json_t *object, const char *name)
{
	json_int_t value = json_integer_value(json_object_get(object, name));
	return value > 0 ? (uint64_t)value : 0;
}

static int wrong(const char *node, const char *what, struct err *err)
{
	return err_set(err, "%s: what it says of its load makes no sense: %s", node, what);
}

static int read_guests(const char *node, const json_t *guests, struct load_counters *counters,
		       struct err *err)
{
	enum { GUESTS_MAX = 1024 };
	const json_t *guest;
	size_t i;
	if (guests != NULL && !json_is_array(guests))
		return wrong(node, "guests are no list", err);
	if (json_array_size(guests) > GUESTS_MAX)
		return wrong(node, "it has more than 1024 guests", err);
	counters->guests = xcalloc(json_array_size(guests) + 1, sizeof(*counters->guests));
	json_array_foreach(guests, i, guest)
	{
		const char *name = json_string_value(json_object_get(guest, "name"));
		if (name == NULL)
			return wrong(node, "a guest has no name", err);
		for (size_t j = 0; j < counters->guest_count; j++)
			if (text_equal(counters->guests[j].id, name))
				return wrong(node, "it has a guest twice", err);
		counters->guests[counters->guest_count++] = (struct load_counter){
			.id = xstrdup(name),
			.here_ms = number(guest, "here_ms"),
			.cpu_ms = number(guest, "cpu_ms"),
			.waited_ms = number(guest, "waited_ms"),
		};
	}
	return 0;
}

static int read_counters(const struct host *host, struct load_counters *counters, struct err *err)
{
	enum { CPUS_MAX = 8192 };
	const json_t *facts = host->facts;
	*counters = (struct load_counters){ .cpus = number(facts, "cpus"),
					    .up_s = number(facts, "uptime_s"),
					    .busy_ms = number(facts, "cpu_busy_ms"),
					    .idle_ms = number(facts, "cpu_idle_ms") };
	if (counters->cpus == 0 || counters->cpus > CPUS_MAX)
		return wrong(host->name, "the number of its processors", err);
	return read_guests(host->name, json_object_get(facts, "guests"), counters, err);
}

/* From the last moment to this one. */
static int add_moment(struct watch *watch, const struct host *host, bool first, struct err *err)
{
	struct load_counters now;
	struct load_host *at = load_find(watch->load, host->name);
	struct load_counters *last = &watch->last[at - watch->load->hosts];
	int rc = read_counters(host, &now, err);
	if (rc == 0 && !first && now.up_s < last->up_s)
		rc = err_set(err, "%s was booted meanwhile; look again", host->name);
	if (rc == 0 && !first)
		load_add(at, last, &now);
	load_counters_free(last);
	*last = now;
	return rc;
}

static void name_hosts(const struct load *load, struct text_list *names)
{
	text_list_free(names);
	for (size_t i = 0; i < load->count; i++)
		text_list_add(names, load->hosts[i].node->name);
}

/* All hosts at once. */
static int look(struct watch *watch, bool first)
{
	struct err err = ERR_INIT;
	struct reach *reach = &watch->reach;
	fleet_close(&reach->fleet); /* when it is not the first time */
	name_hosts(watch->load, &reach->names);
	if (reach_nodes(watch->options, reach) != 0)
		return -1;
	int rc = fleet_each(&reach->fleet, host_facts, &err);
	progress_close(&reach->progress);
	if (rc != 0) {
		command_fail(&err);
		return -1;
	}
	if (fleet_failed(&reach->fleet) > 0) {
		AUTO_STR struct str failed = STR_INIT;
		show_failed(&reach->fleet, &failed);
		fprintf(stderr,
			"%snothing is decided while a host does not answer; moyai "
			"maintenance on leaves it out\n",
			str_text(&failed));
		return -1;
	}
	for (size_t i = 0; rc == 0 && i < reach->fleet.chosen; i++)
		rc = add_moment(watch, &reach->fleet.hosts[i], first, &err);
	if (rc != 0)
		command_fail(&err);
	return rc;
}

/* ---- all of them ---- */

static void sleep_until(const struct timespec *end, const struct reach *reach)
{
	enum { STEP_MS = 200 };
	struct timespec now;
	for (;;) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (reach_stopped(reach) || now.tv_sec > end->tv_sec ||
		    (now.tv_sec == end->tv_sec && now.tv_nsec >= end->tv_nsec))
			return;
		nanosleep(&(struct timespec){ .tv_nsec = STEP_MS * 1000000L }, NULL);
	}
}

static void tell(const struct watch *watch, unsigned done)
{
	bool terminal = isatty(STDERR_FILENO);
	AUTO_STR struct str left = STR_INIT;
	show_seconds((uint64_t)watch->options->for_s * (LOAD_WATCH_TIMES - done) / LOAD_WATCH_TIMES,
		     &left);
	if (terminal && done < LOAD_WATCH_TIMES)
		fprintf(stderr, "\rlooking at %zu host%s for %s more\033[K", watch->load->count,
			watch->load->count == 1 ? "" : "s", str_text(&left));
	else if (terminal)
		fputs("\r\033[K", stderr);
}

static int look_on(struct watch *watch)
{
	struct err err = ERR_INIT;
	struct timespec begin;
	uint64_t interval_ms = (uint64_t)watch->options->for_s * 1000 / LOAD_WATCH_TIMES;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	if (look(watch, true) != 0)
		return -1;
	for (unsigned i = 1; i <= LOAD_WATCH_TIMES; i++) {
		uint64_t at_ms = (uint64_t)begin.tv_nsec / 1000000 + i * interval_ms;
		const struct timespec end = { begin.tv_sec + (time_t)(at_ms / 1000),
					      (long)(at_ms % 1000) * 1000000L };
		tell(watch, i - 1);
		sleep_until(&end, &watch->reach);
		if (reach_stopped(&watch->reach)) {
			err_set(&err, "interrupted");
			command_fail(&err);
			return -1;
		}
		if (look(watch, false) != 0)
			return -1;
	}
	tell(watch, LOAD_WATCH_TIMES);
	return 0;
}

int load_watch(const struct options *options, const struct site *site, struct load *load)
{
	struct watch watch = { .options = options, .site = site, .load = load };
	struct err err = ERR_INIT;
	add_hosts(site, load);
	if (load->count == 0) {
		err_set(&err, "no VM server gives anything to guests; write guests = { vcpus = 32; "
			      "memory = \"120G\"; } into some");
		command_fail(&err);
		return -1;
	}
	watch.last = xcalloc(load->count, sizeof(*watch.last));
	int rc = reach_site(options, NULL, NULL, &watch.reach);
	if (rc == 0)
		rc = look_on(&watch);
	reach_close(&watch.reach);
	for (size_t i = 0; i < load->count; i++)
		load_counters_free(&watch.last[i]);
	free(watch.last);
	return rc;
}
