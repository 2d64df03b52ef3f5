/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char ELLIPSIS[] = "…";

/* Store text, cut at a character boundary when it does not fit. */
static void err_store(struct err *err, const char *text, int wanted_length)
{
	size_t size = sizeof(err->text);
	memmove(err->text, text, strnlen(text, size - 1) + 1);
	err->text[size - 1] = '\0';
	if (wanted_length < 0 || (size_t)wanted_length < size)
		return;
	size_t cut = size - sizeof(ELLIPSIS);
	while (cut > 0 && ((unsigned char)err->text[cut] & 0xC0) == 0x80)
		cut--;
	memcpy(err->text + cut, ELLIPSIS, sizeof(ELLIPSIS));
}

int err_set(struct err *err, const char *fmt, ...)
{
	if (err == NULL)
		return -1;
	char text[sizeof(err->text)];
	va_list args;
	va_start(args, fmt);
	int length = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	err_store(err, text, length);
	return -1;
}

int err_set_errno(struct err *err, int error_number, const char *fmt, ...)
{
	if (err == NULL)
		return -1;
	char what[sizeof(err->text)];
	va_list args;
	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	return err_set(err, "%s: %s", what, strerror(error_number));
}

int err_context(struct err *err, const char *fmt, ...)
{
	if (err == NULL)
		return -1;
	char context[sizeof(err->text)];
	char text[sizeof(err->text)];
	va_list args;
	va_start(args, fmt);
	vsnprintf(context, sizeof(context), fmt, args);
	va_end(args);
	memcpy(text, err->text, sizeof(text));
	return err_set(err, "%s: %s", context, text);
}
