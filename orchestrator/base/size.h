/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_SIZE_H
#define BASE_SIZE_H
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
/*
 * Sizes are binary: "512M" is 512 * 1024 * 1024 bytes. K, M, G, T, P or none.
 * Durations: "90s", "5m", "2h", "7d"; a number alone is refused.
 */
int size_parse(const char *text, uint64_t *bytes, struct err *err);
int duration_parse(const char *text, uint64_t *seconds, struct err *err);

/* The shortest text that parses back to the same number: 1073741824 → "1G". */
void size_print(uint64_t bytes, struct str *out);
char *size_text(uint64_t bytes); /* the same; the caller frees */
void duration_print(uint64_t seconds, struct str *out);

/* Up to a multiple of unit; UINT64_MAX, "not given", stays as it is. */
uint64_t size_round_up(uint64_t bytes, uint64_t unit);

/* For people, three digits: "1.5G". Does not parse back. */
void size_print_short(uint64_t bytes, struct str *out);
#endif
