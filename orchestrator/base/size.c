/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/size.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct unit {
	char letter;
	uint64_t factor;
};

static const struct unit SIZES[] = {
	{ 'P', 1ULL << 50 }, { 'T', 1ULL << 40 }, { 'G', 1ULL << 30 },
	{ 'M', 1ULL << 20 }, { 'K', 1ULL << 10 },
};
static const struct unit DURATIONS[] = {
	{ 'd', 86400 },
	{ 'h', 3600 },
	{ 'm', 60 },
	{ 's', 1 },
};

/* Digits and at most one unit letter; the letter's factor is looked up. */
static int parse(const char *text, const struct unit *units, size_t count, bool bare_allowed,
		 uint64_t *value)
{
	char *end;
	if (!isdigit((unsigned char)text[0]))
		return -1;
	errno = 0;
	unsigned long long number = strtoull(text, &end, 10);
	if (errno != 0)
		return -1;
	if (*end == '\0') {
		if (!bare_allowed)
			return -1;
		*value = number;
		return 0;
	}
	if (end[1] != '\0')
		return -1;
	for (size_t i = 0; i < count; i++) {
		uint64_t product;
		if (units[i].letter != *end)
			continue;
		if (__builtin_mul_overflow((uint64_t)number, units[i].factor, &product))
			return -1;
		*value = product;
		return 0;
	}
	return -1;
}

/* Digits, and then at most one letter of the table: right but for the number. */
static bool is_too_large(const char *text, const struct unit *units, size_t count)
{
	const char *end = text + strspn(text, "0123456789");
	if (end == text || (*end != '\0' && end[1] != '\0'))
		return false;
	for (size_t i = 0; i < count; i++)
		if (units[i].letter == *end)
			return true;
	return *end == '\0';
}

int size_parse(const char *text, uint64_t *bytes, struct err *err)
{
	if (parse(text, SIZES, COUNT_OF(SIZES), true, bytes) == 0)
		return 0;
	if (is_too_large(text, SIZES, COUNT_OF(SIZES)))
		return err_set(err, "\"%s\" is too large; at most \"16383P\"", text);
	return err_set(err,
		       "\"%s\" is not a size; write a whole number and K, M, G, T or P, "
		       "like \"512M\"",
		       text);
}

int duration_parse(const char *text, uint64_t *seconds, struct err *err)
{
	if (parse(text, DURATIONS, COUNT_OF(DURATIONS), false, seconds) != 0)
		return err_set(err,
			       "\"%s\" is not a duration; write a whole number and s, m, h or d, "
			       "like \"90s\"",
			       text);
	return 0;
}

static void print(uint64_t value, const struct unit *units, size_t count, struct str *out)
{
	for (size_t i = 0; i < count; i++) {
		if (value != 0 && value % units[i].factor == 0) {
			str_addf(out, "%llu%c", (unsigned long long)(value / units[i].factor),
				 units[i].letter);
			return;
		}
	}
	str_addf(out, "%llu", (unsigned long long)value);
}

void size_print(uint64_t bytes, struct str *out)
{
	print(bytes, SIZES, COUNT_OF(SIZES), out);
}

char *size_text(uint64_t bytes)
{
	struct str text = STR_INIT;
	size_print(bytes, &text);
	return str_take(&text);
}

void duration_print(uint64_t seconds, struct str *out)
{
	if (seconds == 0)
		str_add(out, "0s");
	else
		print(seconds, DURATIONS, COUNT_OF(DURATIONS), out);
}

void size_print_short(uint64_t bytes, struct str *out)
{
	for (size_t i = 0; i < COUNT_OF(SIZES); i++) {
		if (bytes < SIZES[i].factor)
			continue;
		double value = (double)bytes / (double)SIZES[i].factor;
		str_addf(out, value < 10 && bytes % SIZES[i].factor ? "%.1f%c" : "%.0f%c", value,
			 SIZES[i].letter);
		return;
	}
	str_addf(out, "%llu", (unsigned long long)bytes);
}

uint64_t size_round_up(uint64_t bytes, uint64_t unit)
{
	return bytes == UINT64_MAX ? bytes : (bytes + unit - 1) / unit * unit;
}
