/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/mistake.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

void mistake_add(struct mistakes *list, struct place place, const char *fmt, ...)
{
	AUTO_STR struct str said = STR_INIT;
	struct str text = STR_INIT;
	va_list args;
	va_start(args, fmt);
	str_addv(&said, fmt, args);
	va_end(args);
	/* It goes into JSON, and "%.80s" may have cut a value in the middle of a character. */
	utf8_add_visible(&text, str_text(&said), said.length);
	if ((list->count & (list->count - 1)) == 0)
		list->items = xrealloc(list->items, list->count ? list->count * 2 : 1,
				       sizeof(*list->items));
	list->items[list->count++] = (struct mistake){ place, str_take(&text) };
}

struct ranked {
	struct mistake mistake;
	size_t file;
	size_t added;
};

static size_t rank(const struct text_list *files, const char *file)
{
	if (file == NULL)
		return 0;
	for (size_t i = 0; i < files->count; i++)
		if (strcmp(files->items[i], file) == 0)
			return i + 1;
	return files->count + 1;
}

static int compare(const void *left, const void *right)
{
	const struct ranked *a = left;
	const struct ranked *b = right;
	if (a->file != b->file)
		return a->file < b->file ? -1 : 1;
	if (a->mistake.place.line != b->mistake.place.line)
		return a->mistake.place.line < b->mistake.place.line ? -1 : 1;
	return a->added < b->added ? -1 : 1;
}

void mistakes_sort(struct mistakes *list, const struct text_list *files)
{
	if (list->count < 2)
		return;
	struct ranked *order = xcalloc(list->count, sizeof(*order));
	for (size_t i = 0; i < list->count; i++)
		order[i] = (struct ranked){ list->items[i], rank(files, list->items[i].place.file),
					    i };
	qsort(order, list->count, sizeof(*order), compare);
	for (size_t i = 0; i < list->count; i++)
		list->items[i] = order[i].mistake;
	free(order);
}

/* One mistake is one line, whatever the configuration has in its strings. */
static void add_line(const char *text, struct str *out)
{
	for (const char *at = text; *at; at++) {
		unsigned char c = (unsigned char)*at;
		if (c == '\n')
			str_add(out, "\\n");
		else if (c == '\t')
			str_add(out, "\\t");
		else if (c < 32 || c == 127)
			str_addf(out, "\\x%02x", c);
		else
			str_add_bytes(out, at, 1);
	}
}

void mistakes_print(const struct mistakes *list, struct str *out)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct mistake *mistake = &list->items[i];
		if (mistake->place.file && mistake->place.line)
			str_addf(out, "%s:%u: ", mistake->place.file, mistake->place.line);
		else if (mistake->place.file)
			str_addf(out, "%s: ", mistake->place.file);
		add_line(mistake->text, out);
		str_add(out, "\n");
	}
}

void mistakes_free(struct mistakes *list)
{
	if (list == NULL)
		return;
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i].text);
	free(list->items);
	*list = (struct mistakes)MISTAKES_INIT;
}
