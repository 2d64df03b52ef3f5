/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UNIT_TEST_H
#define UNIT_TEST_H
/* What cmocka.h wants before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/file.h"

/* Lengths and counts are size_t; cmocka's macro converts by an old-style cast that gcc accepts. */
#define assert_count(actual, expected) assert_int_equal((long)(actual), (long)(expected))

/* Removed by whoever asked. */
static inline char *temporary_dir(void)
{
	char *dir = xstrdup("/tmp/moyai-unit-XXXXXX");
	assert_non_null(mkdtemp(dir));
	return dir;
}

/* Generated cases: xorshift (Marsaglia, 2003), the same numbers on every machine. seed: not 0. */
static inline uint64_t next_number(uint64_t *seed, uint64_t below)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed % below;
}

static inline size_t open_descriptors(void)
{
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	assert_int_equal(file_list_dir("/proc/self/fd", &names, NULL), 0);
	return names.count;
}
#endif
