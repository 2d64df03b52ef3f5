/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DAEMON_KERNEL_LINE_H
#define DAEMON_KERNEL_LINE_H
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
/*
 * What netconsole sends in its extended format (Documentation/networking/netconsole.rst): a datagram
 * "LEVEL,NUMBER,MICROSECONDS,FLAGS[,KEY=VALUE…];TEXT\n KEY=VALUE\n…", as in /dev/kmsg, or a part of
 * one, with ncfrag=OFFSET/TOTAL in its head. Kernels from 6.6 on may have their release in front.
 * Pure.
 */
enum { KERNEL_LINE_MAX_BYTES = 16384 };

struct kernel_line {
	unsigned priority; /* 0 to 7 */
	unsigned facility;
	uint64_t number;
	uint64_t since_boot_us;
	struct str text; /* \xHH is a byte again */
};

/* One per sender: the parts of a line that come one after the other. */
struct kernel_parts {
	uint64_t number, total;
	struct str text; /* what came; empty: none is on its way */
};

enum kernel_said {
	KERNEL_NOTHING, /* a part: more is to come */
	KERNEL_LINE,
	KERNEL_BAD, /* not such a datagram */
};
/* A line of which a part was lost is not told. */
enum kernel_said kernel_line_take(struct kernel_parts *parts, const char *datagram, size_t length,
				  struct kernel_line *line);
void kernel_line_free(struct kernel_line *line);
void kernel_parts_free(struct kernel_parts *parts);
#endif
