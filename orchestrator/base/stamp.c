/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/stamp.h"

const char *stamp_utc(time_t when, char text[STAMP_SIZE])
{
	struct tm utc;
	gmtime_r(&when, &utc);
	strftime(text, STAMP_SIZE, "%Y-%m-%dT%H:%M:%SZ", &utc);
	return text;
}
