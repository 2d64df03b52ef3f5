/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/nodeset.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/near.h"

enum { EXPANSION_LIMIT = 100000, NUMBER_DIGITS = 9 };

/* One range of a bracket: "01-16/2". */
struct span {
	unsigned first, last, step;
	int width; /* digits with leading zeros; 0: none */
};

static int span_number(const char **at, unsigned *number, int *width)
{
	size_t digits = strspn(*at, "0123456789");
	if (digits == 0 || digits > NUMBER_DIGITS)
		return -1;
	*number = (unsigned)strtoul(*at, NULL, 10);
	*width = digits > 1 && **at == '0' ? (int)digits : 0;
	*at += digits;
	return 0;
}

static int span_parse(const char **at, struct span *span)
{
	int width;
	*span = (struct span){ .step = 1 };
	if (span_number(at, &span->first, &span->width) != 0)
		return -1;
	span->last = span->first;
	if (**at == '-') {
		(*at)++;
		if (span_number(at, &span->last, &width) != 0 || span->last < span->first)
			return -1;
	}
	if (**at == '/') {
		(*at)++;
		if (span_number(at, &span->step, &width) != 0 || span->step == 0)
			return -1;
	}
	return 0;
}

static int expand(const char *prefix, const char *rest, struct text_list *out, struct err *err);

static int expand_span(const char *prefix, const struct span *span, const char *rest,
		       struct text_list *out, struct err *err)
{
	for (unsigned n = span->first; n <= span->last; n += span->step) {
		AUTO_FREE char *longer = xasprintf("%s%0*u", prefix, span->width, n);
		if (out->count >= EXPANSION_LIMIT)
			return err_set(err, "stands for more than %d names", EXPANSION_LIMIT);
		if (expand(longer, rest, out, err) != 0)
			return -1;
	}
	return 0;
}

/* `rest` is what follows the prefix: text and brackets. */
static int expand(const char *prefix, const char *rest, struct text_list *out, struct err *err)
{
	size_t plain = strcspn(rest, "[]");
	AUTO_FREE char *longer = xasprintf("%s%.*s", prefix, (int)plain, rest);
	if (rest[plain] == '\0') {
		text_list_add(out, longer);
		return 0;
	}
	const char *close = strchr(rest, ']');
	const char *at = rest + plain + 1;
	if (rest[plain] == ']' || close == NULL)
		return err_set(err, "a bracket has no partner; write it like vm[01-16,20]");
	for (;;) {
		struct span span;
		if (span_parse(&at, &span) != 0 || (*at != ',' && *at != ']'))
			return err_set(err, "is not a range of numbers; write it like "
					    "vm[01-16,20]");
		if (expand_span(longer, &span, close + 1, out, err) != 0)
			return -1;
		if (*at++ == ']')
			return 0;
	}
}

/* Marks of the site's nodes, by their position. */
struct marks {
	const struct site *site;
	bool *in;
};

static int mark_role(const struct marks *marks, const char *role, struct err *err)
{
	bool all = strcmp(role, "all") == 0;
	bool found = all;
	AUTO_LIST struct text_list roles = TEXT_LIST_INIT;
	AUTO_STR struct str hint = STR_INIT;
	for (size_t i = 0; i < marks->site->node_count; i++) {
		const char *own = marks->site->nodes[i].role_name;
		if (!all && own != NULL && !text_list_has(&roles, own))
			text_list_add(&roles, own);
		if (!all && !text_equal(own, role))
			continue;
		marks->in[i] = true;
		found = true;
	}
	if (found)
		return 0;
	near_add(role, &roles, &hint);
	if (hint.length == 0) {
		str_add(&hint, "; there are @all");
		for (size_t i = 0; i < roles.count; i++)
			str_addf(&hint, ", @%s", roles.items[i]);
	}
	return err_set(err, "no node has the role \"%s\"%s", role, str_text(&hint));
}

static int mark_name(const struct marks *marks, const char *name, struct err *err)
{
	const struct site_node *node = site_find_node(marks->site, name);
	if (node != NULL) {
		marks->in[node - marks->site->nodes] = true;
		return 0;
	}
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	AUTO_STR struct str hint = STR_INIT;
	for (size_t i = 0; i < marks->site->node_count; i++)
		text_list_add(&names, marks->site->nodes[i].name);
	near_add(name, &names, &hint);
	return err_set(err, "there is no node \"%s\"%s", name, str_text(&hint));
}

static int mark_term(const struct marks *marks, const char *term, struct err *err)
{
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	if (term[0] == '@')
		return mark_role(marks, term + 1, err);
	if (expand("", term, &names, err) != 0)
		return err_context(err, "\"%s\"", term);
	for (size_t i = 0; i < names.count; i++)
		if (mark_name(marks, names.items[i], err) != 0)
			return -1;
	return 0;
}

static void combine(bool *all, const bool *term, size_t count, char operation)
{
	for (size_t i = 0; i < count; i++) {
		if (operation == '!')
			all[i] = all[i] && !term[i];
		else if (operation == '&')
			all[i] = all[i] && term[i];
		else if (operation == '^')
			all[i] = all[i] != term[i];
		else
			all[i] = all[i] || term[i];
	}
}

/* Where the term ends: at an operator outside of brackets. */
static size_t term_length(const char *text)
{
	size_t length = 0;
	bool inside = false;
	for (; text[length]; length++) {
		if (text[length] == '[')
			inside = true;
		else if (text[length] == ']')
			inside = false;
		else if (!inside && strchr(",!&^", text[length]))
			break;
	}
	return length;
}

/* From left to right, as ClusterShell does. */
static int evaluate(const char *text, const struct site *site, bool *all, bool *term,
		    struct err *err)
{
	char operation = ',';
	for (;;) {
		size_t length = term_length(text);
		AUTO_FREE char *part = xstrndup(text, length);
		struct marks marks = { site, term };
		if (length == 0)
			return err_set(err, "a name is missing; write it like vm[01-16],@storage");
		memset(term, 0, site->node_count * sizeof(*term));
		if (mark_term(&marks, part, err) != 0)
			return -1;
		combine(all, term, site->node_count, operation);
		text += length;
		if (*text == '\0')
			return 0;
		operation = *text++;
	}
}

int nodeset_parse(const char *text, const struct site *site, struct text_list *names,
		  struct err *err)
{
	AUTO_FREE bool *all = xcalloc(site->node_count, sizeof(*all));
	AUTO_FREE bool *term = xcalloc(site->node_count, sizeof(*term));
	if (evaluate(text, site, all, term, err) != 0)
		return err_context(err, "node set \"%s\"", text);
	size_t count = 0;
	for (size_t i = 0; i < site->node_count; i++)
		count += all[i];
	if (count == 0)
		return err_set(err, "node set \"%s\": stands for no node", text);
	for (size_t i = 0; i < site->node_count; i++)
		if (all[i])
			text_list_add(names, site->nodes[i].name);
	return 0;
}

int nodeset_expand(const char *text, struct text_list *names, struct err *err)
{
	AUTO_LIST struct text_list found = TEXT_LIST_INIT;
	for (const char *at = text;; at++) {
		size_t length = term_length(at);
		AUTO_FREE char *term = xstrndup(at, length);
		if (length == 0 || term[0] == '@' || (at[length] && at[length] != ','))
			return err_set(err,
				       "node set \"%s\": new names are written out, like "
				       "vm[01-16],gw2",
				       text);
		if (expand("", term, &found, err) != 0)
			return err_context(err, "node set \"%s\"", text);
		at += length;
		if (*at == '\0')
			break;
	}
	for (size_t i = 0; i < found.count; i++)
		text_list_add(names, found.items[i]);
	return 0;
}

/* A name in pieces around its last number; without a number all is prefix. */
struct piece {
	const char *name;
	size_t prefix; /* length */
	size_t digits;
	unsigned number;
	size_t width; /* of numbers with leading zeros in its group; 0: none */
};

static struct piece split(const char *name)
{
	struct piece piece = { .name = name };
	size_t end = strlen(name);
	while (end > 0 && !isdigit((unsigned char)name[end - 1]))
		end--;
	size_t begin = end;
	while (begin > 0 && isdigit((unsigned char)name[begin - 1]))
		begin--;
	piece.prefix = begin;
	piece.digits = end - begin;
	if (end == 0 || piece.digits > NUMBER_DIGITS) {
		piece.prefix = strlen(name);
		piece.digits = 0;
		return piece;
	}
	piece.number = (unsigned)strtoul(name + begin, NULL, 10);
	piece.width = name[begin] == '0' && piece.digits > 1 ? piece.digits : 0;
	return piece;
}

static const char *suffix(const struct piece *piece)
{
	return piece->name + piece->prefix + piece->digits;
}

/* By the text around the number; a name without one stays by itself. */
static int compare_group(const struct piece *a, const struct piece *b)
{
	size_t shorter = a->prefix < b->prefix ? a->prefix : b->prefix;
	int order = strncmp(a->name, b->name, shorter);
	if (order == 0 && a->prefix != b->prefix)
		order = a->prefix < b->prefix ? -1 : 1;
	if (order == 0 && (a->digits == 0) != (b->digits == 0))
		order = a->digits == 0 ? -1 : 1;
	return order ? order : strcmp(suffix(a), suffix(b));
}

static int compare_pieces(const void *left, const void *right)
{
	const struct piece *a = left;
	const struct piece *b = right;
	int order = compare_group(a, b);
	if (order == 0 && a->width != b->width)
		order = a->width < b->width ? -1 : 1;
	if (order == 0 && a->number != b->number)
		order = a->number < b->number ? -1 : 1;
	return order;
}

/* vm08 vm09 vm10: the 10 is of two digits as well, and belongs to them. */
static void share_width(struct piece *pieces, size_t count)
{
	for (size_t begin = 0, end; begin < count; begin = end) {
		bool padded[NUMBER_DIGITS + 1] = { false };
		for (end = begin; end < count && compare_group(&pieces[begin], &pieces[end]) == 0;
		     end++)
			if (pieces[end].width)
				padded[pieces[end].width] = true;
		for (size_t i = begin; i < end; i++)
			if (padded[pieces[i].digits])
				pieces[i].width = pieces[i].digits;
	}
}

static bool same_run(const struct piece *a, const struct piece *b)
{
	return a->digits > 0 && compare_group(a, b) == 0 && a->width == b->width;
}

static void add_run(const struct piece *pieces, size_t count, struct str *out)
{
	const struct piece *first = &pieces[0];
	if (count == 1) {
		str_add(out, first->name);
		return;
	}
	str_addf(out, "%.*s[", (int)first->prefix, first->name);
	for (size_t i = 0, j; i < count; i = j) {
		for (j = i + 1; j < count && pieces[j].number <= pieces[j - 1].number + 1; j++)
			;
		str_addf(out, "%s%0*u", i ? "," : "", (int)first->width, pieces[i].number);
		if (pieces[j - 1].number > pieces[i].number)
			str_addf(out, "-%0*u", (int)first->width, pieces[j - 1].number);
	}
	str_addf(out, "]%s", suffix(first));
}

static size_t drop_twins(struct piece *pieces, size_t count)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || strcmp(pieces[kept - 1].name, pieces[i].name) != 0)
			pieces[kept++] = pieces[i];
	return kept;
}

void nodeset_fold(const struct text_list *names, struct str *out)
{
	struct piece *pieces = xcalloc(names->count, sizeof(*pieces));
	size_t count = names->count;
	for (size_t i = 0; i < count; i++)
		pieces[i] = split(names->items[i]);
	qsort(pieces, count, sizeof(*pieces), compare_pieces);
	share_width(pieces, count);
	qsort(pieces, count, sizeof(*pieces), compare_pieces);
	count = drop_twins(pieces, count);
	for (size_t begin = 0, end; begin < count; begin = end) {
		for (end = begin + 1; end < count && same_run(&pieces[begin], &pieces[end]); end++)
			;
		if (begin > 0)
			str_add(out, ",");
		add_run(&pieces[begin], end - begin, out);
	}
	free(pieces);
}
