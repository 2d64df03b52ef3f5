/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_STAMP_H
#define BASE_STAMP_H
#include <time.h>
/* Moments as RFC 3339 writes them, in UTC: "2026-11-21T02:46:01Z". */
enum { STAMP_SIZE = 32 };
const char *stamp_utc(time_t when, char text[STAMP_SIZE]); /* returns text */
#endif
