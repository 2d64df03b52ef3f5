/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DAEMON_BOOT_FILE_H
#define DAEMON_BOOT_FILE_H
#include "daemon/boot.h"
/* The files under STATE/boot: written as a whole or not at all. */

/* dir/NODE.json from the node's state, and back. A missing file is an empty
   state, and so is one that cannot be understood: it only informs. */
int boot_file_write(const char *dir, const struct boot_node *node, int64_t now_ms, struct err *err);
void boot_file_read(const char *dir, struct boot_node *node);

/* dir/unknown-MAC.json: first and last seen, count. */
int boot_file_unknown(const char *dir, const char *mac, const char *asked, int64_t now_ms,
		      struct err *err);

/* All of them, in the order of their first sight. */
struct boot_stranger {
	char *mac;
	char *asked;
	int64_t first_ms, last_ms;
	uint64_t count; /* how often it asked */
};
struct boot_strangers {
	struct boot_stranger *items;
	size_t count;
};
int boot_file_strangers(const char *dir, struct boot_strangers *strangers, struct err *err);
void boot_strangers_free(struct boot_strangers *strangers);

/* RFC 3339 with milliseconds; 0 when it cannot be read. */
void boot_time_print(int64_t time_ms, char text[32]);
int64_t boot_time_parse(const char *text);

void boot_record_free(struct boot_record *record);
#endif
