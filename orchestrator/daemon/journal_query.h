/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DAEMON_JOURNAL_QUERY_H
#define DAEMON_JOURNAL_QUERY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
/*
 * What somebody wants to see of the journals that the cluster manager keeps: from moyai, as JSON on
 * the stdin of `moyaid logs`, to journalctl, which reads them. Pure.
 */
struct journal_query {
	struct text_list nodes;
	char *since, *until; /* as journalctl takes them; NULL: no limit */
	char *grep;	     /* a regular expression; NULL: all lines */
	uint64_t lines;	     /* the last so many; FIELD_UNSET: all */
	bool follow, json;
};
#define JOURNAL_QUERY_INIT                                                                         \
	{                                                                                          \
		.lines = UINT64_MAX                                                                \
	}

/* "2026-11-21T10:00:00Z" or, for so long ago, "2h", as journalctl writes it; the caller frees. NULL
   with an error that says what would be right. */
char *journal_time(const char *text, struct err *err);

char *journal_query_print(const struct journal_query *query); /* one line; the caller frees */
int journal_query_parse(const char *text, size_t length, struct journal_query *query,
			struct err *err);
/* The words of the command that answers it from the files in dir. */
void journal_query_words(const struct journal_query *query, const char *dir,
			 struct text_list *words);
void journal_query_free(struct journal_query *query);
#endif
