/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/journal_query.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/size.h"

char *journal_time(const char *text, struct err *err)
{
	struct err ignored = ERR_INIT;
	struct tm parts;
	char written[32];
	uint64_t seconds;
	memset(&parts, 0, sizeof(parts));
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &parts);
	if (end && *end == '\0') {
		strftime(written, sizeof(written), "%Y-%m-%d %H:%M:%S UTC", &parts);
		return xstrdup(written);
	}
	if (duration_parse(text, &seconds, &ignored) == 0)
		return xasprintf("-%" PRIu64 "s", seconds);
	err_set(err,
		"\"%s\": write a time like 2026-11-21T10:00:00Z, or how long ago, like 90s or 2h",
		text);
	return NULL;
}

static void set(json_t *json, const char *key, const char *text)
{
	if (text)
		json_object_set_new(json, key, json_string(text));
}

char *journal_query_print(const struct journal_query *query)
{
	json_t *nodes = json_array();
	for (size_t i = 0; i < query->nodes.count; i++)
		json_array_append_new(nodes, json_string(query->nodes.items[i]));
	json_t *json = json_pack("{s:o, s:b, s:b}", "nodes", nodes, "follow", query->follow, "json",
				 query->json);
	set(json, "since", query->since);
	set(json, "until", query->until);
	set(json, "grep", query->grep);
	if (query->lines != UINT64_MAX)
		json_object_set_new(json, "lines", json_integer((json_int_t)query->lines));
	char *text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	return text;
}

static char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

int journal_query_parse(const char *text, size_t length, struct journal_query *query,
			struct err *err)
{
	json_error_t why;
	json_t *nodes = NULL;
	int follow = 0;
	int as_json = 0;
	const char *since = NULL;
	const char *until = NULL;
	const char *grep = NULL;
	json_int_t lines = -1;
	size_t i;
	json_t *node;
	struct journal_query made = JOURNAL_QUERY_INIT;
	json_t *json = json_loadb(text, length, 0, &why);
	int rc = json == NULL
			 ? -1
			 : json_unpack_ex(json, &why, 0, "{s:o, s:b, s:b, s?s, s?s, s?s, s?I !}",
					  "nodes", &nodes, "follow", &follow, "json", &as_json,
					  "since", &since, "until", &until, "grep", &grep, "lines",
					  &lines);
	if (rc == 0 && json_array_size(nodes) == 0)
		rc = err_set(err, "logs: no nodes");
	else if (rc != 0)
		err_set(err, "logs: %s", why.text);
	json_array_foreach(nodes, i, node)
	{
		if (rc == 0 && !json_is_string(node))
			rc = err_set(err, "logs: node %zu is not text", i);
		if (rc == 0)
			text_list_add(&made.nodes, json_string_value(node));
	}
	if (rc == 0) {
		made.follow = follow;
		made.json = as_json;
		made.since = copy(since);
		made.until = copy(until);
		made.grep = copy(grep);
		if (lines >= 0)
			made.lines = (uint64_t)lines;
		*query = made;
	}
	json_decref(json);
	return rc;
}

static void add(struct text_list *words, const char *option, const char *value)
{
	if (value)
		text_list_take(words, xasprintf("--%s=%s", option, value));
}

void journal_query_words(const struct journal_query *query, const char *dir,
			 struct text_list *words)
{
	text_list_add(words, "journalctl");
	add(words, "directory", dir);
	text_list_add(words, "--no-pager");
	text_list_add(words, "--quiet");
	text_list_add(words, "--utc");
	/* Without it, to follow means one boot only. */
	text_list_add(words, "--merge");
	add(words, "output", query->json ? "json" : "short-iso");
	/* Without it what is long is null. */
	if (query->json)
		text_list_add(words, "--all");
	add(words, "since", query->since);
	add(words, "until", query->until);
	add(words, "grep", query->grep);
	/* With nothing said, to follow means the last ten lines first. */
	if (query->lines != UINT64_MAX)
		text_list_take(words, xasprintf("--lines=%" PRIu64, query->lines));
	if (query->follow)
		text_list_add(words, "--follow");
	for (size_t i = 0; i < query->nodes.count; i++)
		text_list_take(words, xasprintf("_HOSTNAME=%s", query->nodes.items[i]));
}

void journal_query_free(struct journal_query *query)
{
	text_list_free(&query->nodes);
	free(query->since);
	free(query->until);
	free(query->grep);
	*query = (struct journal_query)JOURNAL_QUERY_INIT;
}
