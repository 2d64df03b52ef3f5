/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H
#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
/*
 * UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above
 * U+10FFFF. JSON takes nothing else, and commands write what they like.
 */

/* Length of the longest valid prefix. */
size_t utf8_valid_length(const void *bytes, size_t length);

/* Whether the bytes are the beginning of one character that lacks its end. */
bool utf8_is_cut(const void *bytes, size_t length);

/* Append the text with U+FFFD in place of every byte that is not UTF-8. */
void utf8_add_visible(struct str *out, const void *bytes, size_t length);
#endif
