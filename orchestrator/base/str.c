/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/str.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *must(void *memory)
{
	if (memory == NULL) {
		fputs("moyai: out of memory\n", stderr);
		abort();
	}
	return memory;
}

void *xcalloc(size_t count, size_t size)
{
	return must(calloc(count ? count : 1, size ? size : 1));
}

void *xrealloc(void *old, size_t count, size_t size)
{
	size_t total;
	if (__builtin_mul_overflow(count, size, &total))
		must(NULL);
	return must(realloc(old, total ? total : 1));
}

char *xstrdup(const char *text)
{
	return text ? must(strdup(text)) : NULL;
}

char *xstrndup(const char *text, size_t length)
{
	return must(strndup(text, length));
}

char *xasprintf(const char *fmt, ...)
{
	struct str s = STR_INIT;
	va_list args;
	va_start(args, fmt);
	str_addv(&s, fmt, args);
	va_end(args);
	return str_take(&s);
}

void str_add_bytes(struct str *s, const void *bytes, size_t length)
{
	size_t need;
	if (__builtin_add_overflow(s->length, length, &need) || need >= SIZE_MAX / 2)
		must(NULL);
	if (need + 1 > s->capacity) {
		s->capacity = (need + 1) * 2;
		s->data = xrealloc(s->data, s->capacity, 1);
	}
	if (length > 0)
		memcpy(s->data + s->length, bytes, length);
	s->length = need;
	s->data[need] = '\0';
}

void str_add(struct str *s, const char *text)
{
	str_add_bytes(s, text, strlen(text));
}

void str_addv(struct str *s, const char *fmt, va_list args)
{
	va_list again;
	va_copy(again, args);
	int length = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (length < 0)
		must(NULL);
	char *text = xcalloc((size_t)length + 1, 1);
	vsnprintf(text, (size_t)length + 1, fmt, args);
	str_add_bytes(s, text, (size_t)length);
	free(text);
}

void str_addf(struct str *s, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	str_addv(s, fmt, args);
	va_end(args);
}

void str_clear(struct str *s)
{
	s->length = 0;
	if (s->data)
		s->data[0] = '\0';
}

void str_free(struct str *s)
{
	if (s == NULL)
		return;
	free(s->data);
	*s = (struct str)STR_INIT;
}

const char *str_text(const struct str *s)
{
	return s->data ? s->data : "";
}

char *str_take(struct str *s)
{
	char *text = s->data ? s->data : xstrdup("");
	*s = (struct str)STR_INIT;
	return text;
}

void text_list_take(struct text_list *list, char *text)
{
	/* Grow at powers of two: no capacity field to carry around. */
	if ((list->count & (list->count + 1)) == 0 || list->count == 0)
		list->items = xrealloc(list->items, (list->count + 1) * 2, sizeof(*list->items));
	list->items[list->count++] = text;
}

void text_list_add(struct text_list *list, const char *text)
{
	text_list_take(list, xstrdup(text));
}

void text_list_copy(struct text_list *to, const struct text_list *from)
{
	for (size_t i = 0; i < from->count; i++)
		text_list_add(to, from->items[i]);
}

bool text_list_has(const struct text_list *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], text) == 0)
			return true;
	return false;
}

bool text_list_equal(const struct text_list *a, const struct text_list *b)
{
	for (size_t i = 0; i < a->count && i < b->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return a->count == b->count;
}

static int compare_items(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void text_list_remove(struct text_list *list, const char *text)
{
	size_t at = 0;
	while (at < list->count && strcmp(list->items[at], text) != 0)
		at++;
	if (at == list->count)
		return;
	free(list->items[at]);
	memmove(&list->items[at], &list->items[at + 1],
		(--list->count - at) * sizeof(*list->items));
}

void text_list_sort(struct text_list *list)
{
	if (list->count > 1)
		qsort(list->items, list->count, sizeof(*list->items), compare_items);
}

void text_list_free(struct text_list *list)
{
	if (list == NULL)
		return;
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct text_list)TEXT_LIST_INIT;
}

bool text_equal(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}

bool text_starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_ends(const char *text, const char *suffix)
{
	size_t length = strlen(text);
	size_t tail = strlen(suffix);
	return length >= tail && strcmp(text + length - tail, suffix) == 0;
}

bool text_has_word(const char *words, const char *word)
{
	size_t length = strlen(word);
	for (const char *at = words; at && *at; at += strspn(at, " ")) {
		size_t end = strcspn(at, " ");
		if (end == length && strncmp(at, word, length) == 0)
			return true;
		at += end;
	}
	return false;
}

void cleanup_free(void *pointer_to_pointer)
{
	free(*(void **)pointer_to_pointer);
}

void cleanup_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
