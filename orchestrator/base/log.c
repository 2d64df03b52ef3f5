/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/str.h"

void log_line(const char *fmt, ...)
{
	AUTO_STR struct str line = STR_INIT;
	char stamp[32];
	struct tm parts;
	time_t now = time(NULL);
	va_list args;

	gmtime_r(&now, &parts);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &parts);
	str_addf(&line, "%s ", stamp);
	va_start(args, fmt);
	str_addv(&line, fmt, args);
	va_end(args);
	str_add(&line, "\n");
	/* One write, so that lines of threads do not mix. */
	fputs(str_text(&line), stderr);
}
