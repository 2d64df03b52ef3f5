/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/utf8.h"

#include <stdint.h>

/* Bytes of the character that begins with `first`, and the range of its second
   byte, which is where overlong forms and surrogates show. 0: no such character. */
static size_t character_shape(unsigned char first, unsigned char *low, unsigned char *high)
{
	*low = 0x80;
	*high = 0xBF;
	if (first < 0x80)
		return 1;
	if (first >= 0xC2 && first <= 0xDF)
		return 2;
	if (first >= 0xE0 && first <= 0xEF) {
		*low = first == 0xE0 ? 0xA0 : 0x80;
		*high = first == 0xED ? 0x9F : 0xBF;
		return 3;
	}
	if (first >= 0xF0 && first <= 0xF4) {
		*low = first == 0xF0 ? 0x90 : 0x80;
		*high = first == 0xF4 ? 0x8F : 0xBF;
		return 4;
	}
	return 0;
}

/* How many of the bytes fit the shape of one character; *wanted is its length. */
static size_t character_match(const unsigned char *at, size_t length, size_t *wanted)
{
	unsigned char low;
	unsigned char high;
	*wanted = character_shape(at[0], &low, &high);
	if (*wanted == 0)
		return 0;
	size_t i = 1;
	for (; i < *wanted && i < length; i++) {
		if (at[i] < low || at[i] > high)
			break;
		low = 0x80;
		high = 0xBF;
	}
	return i;
}

size_t utf8_valid_length(const void *bytes, size_t length)
{
	const unsigned char *at = bytes;
	size_t i = 0;
	while (i < length) {
		size_t wanted;
		size_t matched = character_match(at + i, length - i, &wanted);
		if (matched == 0 || matched < wanted)
			break;
		i += matched;
	}
	return i;
}

bool utf8_is_cut(const void *bytes, size_t length)
{
	size_t wanted;
	if (length == 0)
		return false;
	size_t matched = character_match(bytes, length, &wanted);
	return matched == length && matched < wanted;
}

void utf8_add_visible(struct str *out, const void *bytes, size_t length)
{
	const unsigned char *at = bytes;
	while (length > 0) {
		size_t good = utf8_valid_length(at, length);
		if (good > 0)
			str_add_bytes(out, at, good);
		at += good;
		length -= good;
		if (length == 0)
			return;
		str_add(out, "\xEF\xBF\xBD");
		at++;
		length--;
	}
}
