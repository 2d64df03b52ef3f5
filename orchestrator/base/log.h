/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_LOG_H
#define BASE_LOG_H
/*
 * Messages of long-running services (pxe serve, later moyaid) on stderr, one
 * line each with an RFC 3339 time. Commands that end report by events and
 * errors instead.
 */
void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
#endif
