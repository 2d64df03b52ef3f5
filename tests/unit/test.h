/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UNIT_TEST_H
#define UNIT_TEST_H
/* What cmocka.h wants before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Lengths and counts are size_t; cmocka's macro converts by an old-style cast that gcc accepts. */
#define assert_count(actual, expected) assert_int_equal((long)(actual), (long)(expected))
#endif
