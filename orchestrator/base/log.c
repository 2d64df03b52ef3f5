/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/stamp.h"
#include "base/str.h"

void log_line(const char *fmt, ...)
{
	AUTO_STR struct str line = STR_INIT;
	char now[STAMP_SIZE];
	va_list args;

	str_addf(&line, "%s ", stamp_utc(time(NULL), now));
	va_start(args, fmt);
	str_addv(&line, fmt, args);
	va_end(args);
	str_add(&line, "\n");
	/* One write, so that lines of threads do not mix. */
	fputs(str_text(&line), stderr);
}
