/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/usage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"

#define RUNNING_DIR                                                                                \
	"/run/libvirt/qemu" /* NAME.pid and NAME.xml, as long as it runs; driver.pid is libvirt's own */
enum { SMALL_FILE_BYTES = 1 << 20, NS_PER_MS = 1000000 };

static uint64_t ticks_ms(uint64_t ticks)
{
	return ticks * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
}

/* Since the machine was booted, in hundredths by the kernel. */
static uint64_t uptime_ms(void)
{
	AUTO_STR struct str text = STR_INIT;
	if (file_read("/proc/uptime", SMALL_FILE_BYTES, &text, NULL) != 0)
		return 0;
	return (uint64_t)(strtod(str_text(&text), NULL) * 1000);
}

/* The n-th number of /proc/PID/stat, as proc(5) counts them; behind the name, which may hold anything. */
static uint64_t stat_number(const char *stat, unsigned n)
{
	const char *at = strrchr(stat, ')');
	for (unsigned field = 2; at && field < n; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at + 1, NULL, 10) : 0;
}

/* QEMU calls these "CPU 0/KVM", "CPU 0/TCG" or "ALL CPUs/TCG". */
static bool is_processor(const char *folder, const char *thread)
{
	AUTO_FREE char *path = xasprintf("%s/%s/comm", folder, thread);
	AUTO_STR struct str name = STR_INIT;
	return file_read(path, SMALL_FILE_BYTES, &name, NULL) == 0 &&
	       (text_starts(str_text(&name), "CPU ") || text_starts(str_text(&name), "ALL CPUs"));
}

/* Of its virtual processors alone: these threads stay, and with another that ends its past would go. */
static uint64_t waited_ns(pid_t pid)
{
	AUTO_LIST struct text_list threads = TEXT_LIST_INIT;
	AUTO_FREE char *folder = xasprintf("/proc/%ld/task", (long)pid);
	uint64_t sum = 0;
	if (file_list_dir(folder, &threads, NULL) != 0)
		return 0;
	for (size_t i = 0; i < threads.count; i++) {
		AUTO_FREE char *path = xasprintf("%s/%s/schedstat", folder, threads.items[i]);
		AUTO_STR struct str text = STR_INIT;
		uint64_t waited;
		if (is_processor(folder, threads.items[i]) &&
		    file_read(path, SMALL_FILE_BYTES, &text, NULL) == 0 &&
		    sscanf(str_text(&text), "%*u %" SCNu64, &waited) == 1)
			sum += waited;
	}
	return sum;
}

int usage_of_process(pid_t pid, struct usage_guest *usage)
{
	enum { UTIME = 14, STIME = 15, STARTTIME = 22 };
	AUTO_FREE char *path = xasprintf("/proc/%ld/stat", (long)pid);
	AUTO_STR struct str text = STR_INIT;
	if (pid <= 0 || file_read(path, SMALL_FILE_BYTES, &text, NULL) != 0)
		return -1;
	const char *stat = str_text(&text);
	uint64_t now = uptime_ms();
	uint64_t started = ticks_ms(stat_number(stat, STARTTIME));
	usage->here_ms = now > started ? now - started : 0;
	usage->cpu_ms = ticks_ms(stat_number(stat, UTIME) + stat_number(stat, STIME));
	usage->waited_ms = waited_ns(pid) / NS_PER_MS;
	return 0;
}

static void add_guest(const char *file, struct usage_guests *guests)
{
	struct usage_guest guest = { 0 };
	AUTO_FREE char *path = xasprintf(RUNNING_DIR "/%s", file);
	AUTO_FREE char *name = xstrndup(file, strlen(file) - strlen(".pid"));
	AUTO_FREE char *definition = xasprintf(RUNNING_DIR "/%s.xml", name);
	AUTO_STR struct str text = STR_INIT;
	if (!file_exists(definition) || file_read(path, SMALL_FILE_BYTES, &text, NULL) != 0 ||
	    usage_of_process((pid_t)strtol(str_text(&text), NULL, 10), &guest) != 0)
		return;
	guest.name = xstrdup(name);
	guests->items = xrealloc(guests->items, guests->count + 1, sizeof(guest));
	guests->items[guests->count++] = guest;
}

int usage_guests_read(struct usage_guests *guests, struct err *err)
{
	AUTO_LIST struct text_list files = TEXT_LIST_INIT;
	*guests = (struct usage_guests){ 0 };
	if (!file_exists(RUNNING_DIR))
		return 0;
	if (file_list_dir(RUNNING_DIR, &files, err) != 0)
		return -1;
	for (size_t i = 0; i < files.count; i++)
		if (text_ends(files.items[i], ".pid"))
			add_guest(files.items[i], guests);
	return 0;
}

void usage_guests_free(struct usage_guests *guests)
{
	for (size_t i = 0; i < guests->count; i++)
		free(guests->items[i].name);
	free(guests->items);
	*guests = (struct usage_guests){ 0 };
}

int usage_of_machine(uint64_t *busy_ms, uint64_t *idle_ms)
{
	/* user nice system idle iowait irq softirq steal; what follows is in user and nice already */
	uint64_t part[8];
	AUTO_STR struct str text = STR_INIT;
	if (file_read("/proc/stat", SMALL_FILE_BYTES, &text, NULL) != 0 ||
	    sscanf(str_text(&text),
		   "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		   " %" SCNu64 " %" SCNu64,
		   &part[0], &part[1], &part[2], &part[3], &part[4], &part[5], &part[6],
		   &part[7]) != 8)
		return -1;
	*idle_ms = ticks_ms(part[3] + part[4]);
	*busy_ms = ticks_ms(part[0] + part[1] + part[2] + part[5] + part[6] + part[7]);
	return 0;
}
