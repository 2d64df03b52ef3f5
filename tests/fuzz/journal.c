/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What nodes send of their journals and kernels: the first byte chooses which, and how the stream is cut.
 * Whatever comes, systemd-journal-remote is given a stream without mistakes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/journal_book.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct kept {
	struct book book;
	struct book_node *node;
	struct str out;
	unsigned entries;
};

static int keep(void *context, const struct journal_entry *entry, struct err *err)
{
	struct kept *kept = context;
	size_t before = kept->out.length;
	(void)err;
	book_entry(&kept->book, kept->node, entry, 1700000000000000, &kept->out);
	kept->entries += kept->out.length > before;
	return 0;
}

static int count(void *context, const struct journal_entry *entry, struct err *err)
{
	unsigned *entries = context;
	(void)entry;
	(void)err;
	++*entries;
	return 0;
}

/* A message that grew by our fields may be too large a second time: counted all the same. */
static void require_stream(const struct kept *kept)
{
	struct journal_export again = JOURNAL_EXPORT_INIT;
	struct err err = ERR_INIT;
	unsigned entries = 0;
	if (journal_export_add(&again, str_text(&kept->out), kept->out.length, count, &entries,
			       &err) != 0 ||
	    journal_export_end(&again, &err) != 0 || entries + again.left_out != kept->entries)
		abort();
	journal_export_free(&again);
}

static void upload(struct kept *kept, const char *bytes, size_t size, size_t piece)
{
	struct journal_export export = JOURNAL_EXPORT_INIT;
	struct err err = ERR_INIT;
	while (size > 0) {
		size_t length = size < piece ? size : piece;
		if (journal_export_add(&export, bytes, length, keep, kept, &err) != 0)
			break;
		bytes += length;
		size -= length;
	}
	journal_export_free(&export);
}

/* Datagrams, a byte with the length before each. */
static void netconsole(struct kept *kept, const char *bytes, size_t size)
{
	while (size > 0) {
		size_t length = (uint8_t)*bytes < size - 1 ? (uint8_t)*bytes : size - 1;
		/* Of its own, so that what is read behind it is seen. */
		AUTO_FREE char *datagram = xcalloc(length + 1, 1);
		struct kernel_line line;
		memcpy(datagram, bytes + 1, length);
		if (kernel_line_take(&kept->node->parts, datagram, length, &line) == KERNEL_LINE) {
			size_t before = kept->out.length;
			book_line(&kept->book, kept->node, &line, 1700000000000000, &kept->out);
			kept->entries += kept->out.length > before;
			kernel_line_free(&line);
		}
		bytes += length + 1;
		size -= length + 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kept kept = { 0 };
	if (size == 0)
		return 0;
	kept.node = book_find(&kept.book, "vm1");
	if (data[0] == 0)
		netconsole(&kept, (const char *)data + 1, size - 1);
	else
		upload(&kept, (const char *)data + 1, size - 1, data[0]);
	require_stream(&kept);
	str_free(&kept.out);
	book_free(&kept.book);
	return 0;
}
