/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DAEMON_JOURNAL_BOOK_H
#define DAEMON_JOURNAL_BOOK_H
#include "base/map.h"
#include "base/str.h"
#include "daemon/journal_export.h"
#include "daemon/kernel_line.h"
/*
 * What is known of each node's journal, and what of that is to be kept: an entry that was there
 * before (the end of an answer was lost, and the node sent it again) is not, nor is a line of the
 * kernel that came both ways, in the journal and by netconsole. Pure.
 */
enum { BOOK_SEEN = 512 /* lines of the kernel that are remembered for each node */ };

struct book_node {
	char *name;
	char boot[JOURNAL_ID_SIZE]; /* of the entry that came last; "": none has */
	uint64_t realtime_us, monotonic_us;
	uint64_t came_us;	      /* by our clock; 0: before our start */
	char source[JOURNAL_ID_SIZE]; /* and where it stood in the node's journal */
	uint64_t number;
	uint64_t seen[BOOK_SEEN]; /* a ring of digests of the kernel's lines */
	unsigned seen_next;
	struct kernel_parts parts;
};
struct book {
	uint64_t last_us; /* the time of the last entry */
	struct book_node **nodes;
	size_t count;
	struct map by_name;
	bool changed; /* since it was printed */
};
struct book_node *book_find(struct book *book, const char *name); /* made when there is none */

/*
 * Append to out what is to be kept of it: an entry of the export format, or nothing. The host name is
 * the node's, whatever the entry says. Its time is when it came, by our clock (now_us), for the clocks of
 * nodes differ, may be years off after a start, and are put back, and journalctl finds nothing by time in
 * a file that is not in the order of time. The node's own time is kept as
 * _SOURCE_REALTIME_TIMESTAMP, which is the one that journalctl shows.
 */
void book_entry(struct book *book, struct book_node *node, const struct journal_entry *entry,
		uint64_t now_us, struct str *out);
/* What netconsole sends has neither boot nor time: it gets those that the node's journal is at. Its own
   count of microseconds goes by a clock of the kernel's that nobody sets right. */
void book_line(struct book *book, struct book_node *node, const struct kernel_line *line,
	       uint64_t now_us, struct str *out);
/* What a new start has to know: where each node's journal is, a line each. */
void book_print(struct book *book, struct str *out);
/* Lines that are none are passed over: they cost an entry that is there twice. */
void book_read(struct book *book, const char *text);
void book_free(struct book *book);
#endif
