/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_ERR_H
#define BASE_ERR_H
/*
 * Errors are values. What can fail returns 0 or -1 and takes `struct err *`
 * last; NULL is allowed when the caller does not care. Each layer puts its own
 * context in front, so that the final text reads from the outside in:
 * "store1: volume vm1-data: lvcreate: Insufficient free space".
 */
struct err {
	char text[2048]; /* always terminated; longer texts end in "…" */
};

#define ERR_INIT                                                                                   \
	{                                                                                          \
		{                                                                                  \
			0                                                                          \
		}                                                                                  \
	}

/* Replace the text. Returns -1, so that `return err_set(…)` reads well. */
int err_set(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Like err_set(), with ": " and strerror(error_number) behind it. */
int err_set_errno(struct err *err, int error_number, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Put "context: " in front of the text. Returns -1. */
int err_context(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#endif
