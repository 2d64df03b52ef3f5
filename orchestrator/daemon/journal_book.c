/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/journal_book.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* The journal tells of a moment that netconsole has told of already, or will soon: so far apart may
   they be when a line is of the boot that the journal is at. */
enum {
	LATE_US = 10 * 1000 * 1000,
	DRIFT = 1000 /* a thousandth of the uptime */,
	SAME_US = 1000 * 1000
};

struct book_node *book_find(struct book *book, const char *name)
{
	struct book_node *node = map_get(&book->by_name, name);
	if (node != NULL)
		return node;
	node = xcalloc(1, sizeof(*node));
	node->name = xstrdup(name);
	book->nodes = xrealloc(book->nodes, book->count + 1, sizeof(struct book_node *));
	book->nodes[book->count++] = node;
	map_put(&book->by_name, node->name, node);
	return node;
}

/* FNV-1a over when and what: two lines may have one time. */
static uint64_t digest(uint64_t time_us, const char *text, size_t length)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	const uint8_t *at = (const uint8_t *)&time_us;
	for (size_t i = 0; i < sizeof(time_us); i++)
		hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (uint8_t)text[i]) * UINT64_C(0x100000001b3);
	return hash | 1; /* 0 is a free place */
}

/* Whether it was there before; from now on it was. */
static bool seen(struct book_node *node, uint64_t mark)
{
	for (size_t i = 0; i < BOOK_SEEN; i++)
		if (node->seen[i] == mark)
			return true;
	node->seen[node->seen_next] = mark;
	node->seen_next = (node->seen_next + 1) % BOOK_SEEN;
	return false;
}

/* No two entries have the same time; a clock of ours that was put back is followed. */
static void add_times(struct book *book, uint64_t now_us, uint64_t source_us, struct str *out)
{
	if (now_us <= book->last_us && book->last_us - now_us < SAME_US)
		now_us = book->last_us + 1;
	book->last_us = now_us;
	str_addf(out, "__REALTIME_TIMESTAMP=%" PRIu64 "\n", now_us);
	if (source_us)
		str_addf(out, "_SOURCE_REALTIME_TIMESTAMP=%" PRIu64 "\n", source_us);
}

void book_entry(struct book *book, struct book_node *node, const struct journal_entry *entry,
		uint64_t now_us, struct str *out)
{
	if (entry->source[0] != '\0') {
		if (strcmp(entry->source, node->source) == 0 && entry->number <= node->number)
			return;
		memcpy(node->source, entry->source, sizeof(node->source));
		node->number = entry->number;
	}
	book->changed = true;
	if (strcmp(node->boot, entry->boot) != 0)
		memset(node->seen, 0, sizeof(node->seen));
	memcpy(node->boot, entry->boot, sizeof(node->boot));
	node->realtime_us = entry->realtime_us;
	node->monotonic_us = entry->monotonic_us;
	node->came_us = now_us;
	if (entry->kernel && entry->kernel_us &&
	    seen(node, digest(entry->kernel_us, entry->message, entry->message_length)))
		return;
	add_times(book, now_us, entry->source_time ? 0 : entry->realtime_us, out);
	str_add_bytes(out, entry->fields, entry->length);
	str_addf(out, "_HOSTNAME=%s\n\n", node->name);
}

/* Of a boot whose journal has not come: the same for all its lines, and no other node's. */
static void unknown_boot(const struct book_node *node, char boot[JOURNAL_ID_SIZE])
{
	char hex[HASH_HEX_SIZE] = "";
	if (hash_bytes_hex(node->name, strlen(node->name), hex, NULL) != 0)
		hex[0] = '\0';
	memset(boot, '0', JOURNAL_ID_SIZE - 1);
	memcpy(boot, hex, strnlen(hex, JOURNAL_ID_SIZE - 1));
	boot[JOURNAL_ID_SIZE - 1] = '\0';
}

/* Text when it is, else with its length. */
static void add_message(struct str *out, const struct str *text)
{
	uint64_t length = htole64(text->length);
	if (memchr(str_text(text), '\n', text->length) == NULL) {
		str_add(out, "MESSAGE=");
	} else {
		str_add(out, "MESSAGE\n");
		str_add_bytes(out, &length, sizeof(length));
	}
	str_add_bytes(out, str_text(text), text->length);
	str_add(out, "\n");
}

void book_line(struct book *book, struct book_node *node, const struct kernel_line *line,
	       uint64_t now_us, struct str *out)
{
	char boot[JOURNAL_ID_SIZE];
	/* Lower than what the journal is at: the node has started again, and its journal is not here. */
	uint64_t late_us = LATE_US + node->monotonic_us / DRIFT;
	bool known = node->boot[0] && line->since_boot_us + late_us >= node->monotonic_us;
	bool timed = known && node->came_us && now_us >= node->came_us;
	uint64_t since_us = timed ? now_us - node->came_us : 0;
	if (seen(node, digest(line->since_boot_us, str_text(&line->text), line->text.length)))
		return;
	if (known)
		memcpy(boot, node->boot, sizeof(boot));
	else
		unknown_boot(node, boot);
	add_times(book, now_us, timed ? node->realtime_us + since_us : 0, out);
	str_addf(out,
		 "__MONOTONIC_TIMESTAMP=%" PRIu64
		 "\n_BOOT_ID=%s\n_TRANSPORT=kernel\nSYSLOG_IDENTIFIER=kernel\n"
		 "SYSLOG_FACILITY=%u\nPRIORITY=%u\n_SOURCE_MONOTONIC_TIMESTAMP=%" PRIu64
		 "\nMOYAI_VIA=netconsole\n_HOSTNAME=%s\n",
		 timed ? node->monotonic_us + since_us : line->since_boot_us, boot, line->facility,
		 line->priority, line->since_boot_us, node->name);
	add_message(out, &line->text);
	str_add(out, "\n");
}

/* "-" stands for a source that is not known. */
void book_print(struct book *book, struct str *out)
{
	for (size_t i = 0; i < book->count; i++) {
		const struct book_node *node = book->nodes[i];
		if (node->boot[0])
			str_addf(out, "%s %s %" PRIu64 " %" PRIu64 " %s %" PRIu64 "\n", node->name,
				 node->boot, node->realtime_us, node->monotonic_us,
				 node->source[0] ? node->source : "-", node->number);
	}
	book->changed = false;
}

void book_read(struct book *book, const char *text)
{
	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		char name[64];
		struct book_node read = { 0 };
		if (sscanf(text, "%63s %32s %" SCNu64 " %" SCNu64 " %32s %" SCNu64, name, read.boot,
			   &read.realtime_us, &read.monotonic_us, read.source, &read.number) != 6)
			continue;
		struct book_node *node = book_find(book, name);
		memcpy(node->boot, read.boot, sizeof(node->boot));
		node->realtime_us = read.realtime_us;
		node->monotonic_us = read.monotonic_us;
		node->number = read.number;
		if (strcmp(read.source, "-") != 0)
			memcpy(node->source, read.source, sizeof(node->source));
	}
}

void book_free(struct book *book)
{
	for (size_t i = 0; i < book->count; i++) {
		kernel_parts_free(&book->nodes[i]->parts);
		free(book->nodes[i]->name);
		free(book->nodes[i]);
	}
	free(book->nodes);
	map_free(&book->by_name);
	*book = (struct book){ 0 };
}
