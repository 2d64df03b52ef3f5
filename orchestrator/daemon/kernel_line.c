/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/kernel_line.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD_MAX_BYTES = 256, LEVEL_MAX = 24 * 8 - 1 };

/* Digits up to one of `ends`, and behind that; "." among them is the end of the text. */
static bool number(const char **at, const char *ends, uint64_t max, uint64_t *value)
{
	uint64_t sum = 0;
	const char *text = *at;
	if (!isdigit((unsigned char)*text))
		return false;
	for (; isdigit((unsigned char)*text); text++) {
		uint64_t digit = (uint64_t)(*text - '0');
		if (sum > (max - digit) / 10)
			return false;
		sum = sum * 10 + digit;
	}
	if (*text == '\0' ? strchr(ends, '.') == NULL : strchr(ends, *text) == NULL)
		return false;
	*at = text + (*text != '\0');
	*value = sum;
	return true;
}

struct head {
	uint64_t level, number, since_boot_us;
	bool part;
	uint64_t offset, total;
};

/* head: up to the semicolon, terminated. */
static bool parse_head(const char *text, struct head *head)
{
	static const uint64_t TIME_MAX = UINT64_C(1) << 55;
	*head = (struct head){ 0 };
	/* A release is no number: "6.6.13-amd64". */
	if (text[strspn(text, "0123456789")] != ',')
		text += strcspn(text, ",") + (strchr(text, ',') != NULL);
	if (!number(&text, ",", LEVEL_MAX, &head->level) ||
	    !number(&text, ",", UINT64_MAX / 16, &head->number) ||
	    !number(&text, ",", TIME_MAX, &head->since_boot_us))
		return false;
	const char *part = strstr(text, ",ncfrag=");
	if (part == NULL)
		return true;
	part += strlen(",ncfrag=");
	head->part = true;
	return number(&part, "/", KERNEL_LINE_MAX_BYTES, &head->offset) &&
	       number(&part, ",.", KERNEL_LINE_MAX_BYTES, &head->total) &&
	       head->offset < head->total;
}

static int hex(char digit)
{
	static const char DIGITS[] = "0123456789abcdef";
	const char *at = digit ? strchr(DIGITS, tolower((unsigned char)digit)) : NULL;
	return at ? (int)(at - DIGITS) : -1;
}

/* The text alone, without what stands in the lines below it. */
static void add_text(const char *text, size_t length, struct str *out)
{
	const char *end = memchr(text, '\n', length);
	if (end)
		length = (size_t)(end - text);
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\\' && i + 3 < length && text[i + 1] == 'x' &&
		    hex(text[i + 2]) >= 0 && hex(text[i + 3]) >= 0) {
			char byte = (char)(hex(text[i + 2]) * 16 + hex(text[i + 3]));
			str_add_bytes(out, &byte, 1);
			i += 3;
		} else {
			str_add_bytes(out, text + i, 1);
		}
	}
}

static enum kernel_said finish(const struct head *head, const char *text, size_t length,
			       struct kernel_line *line)
{
	*line = (struct kernel_line){ .priority = (unsigned)head->level & 7,
				      .facility = (unsigned)head->level >> 3,
				      .number = head->number,
				      .since_boot_us = head->since_boot_us };
	add_text(text, length, &line->text);
	return KERNEL_LINE;
}

static enum kernel_said take_part(struct kernel_parts *parts, const struct head *head,
				  const char *text, size_t length, struct kernel_line *line)
{
	bool next = parts->text.length > 0 && parts->number == head->number &&
		    parts->total == head->total && parts->text.length == head->offset;
	if (!next)
		kernel_parts_free(parts);
	if (!next && head->offset != 0)
		return KERNEL_NOTHING; /* the one before it was lost */
	if (length == 0 || head->offset + length > head->total)
		return KERNEL_BAD;
	parts->number = head->number;
	parts->total = head->total;
	str_add_bytes(&parts->text, text, length);
	if (parts->text.length < parts->total)
		return KERNEL_NOTHING;
	enum kernel_said said = finish(head, parts->text.data, parts->text.length, line);
	kernel_parts_free(parts);
	return said;
}

enum kernel_said kernel_line_take(struct kernel_parts *parts, const char *datagram, size_t length,
				  struct kernel_line *line)
{
	struct head head;
	const char *end = memchr(datagram, ';', length < HEAD_MAX_BYTES ? length : HEAD_MAX_BYTES);
	if (end == NULL || memchr(datagram, '\0', (size_t)(end - datagram)))
		return KERNEL_BAD;
	AUTO_FREE char *text = xstrndup(datagram, (size_t)(end - datagram));
	if (!parse_head(text, &head))
		return KERNEL_BAD;
	size_t rest = length - (size_t)(end + 1 - datagram);
	if (head.part)
		return take_part(parts, &head, end + 1, rest, line);
	kernel_parts_free(parts);
	return finish(&head, end + 1, rest, line);
}

void kernel_line_free(struct kernel_line *line)
{
	str_free(&line->text);
}

void kernel_parts_free(struct kernel_parts *parts)
{
	str_free(&parts->text);
	*parts = (struct kernel_parts){ 0 };
}
