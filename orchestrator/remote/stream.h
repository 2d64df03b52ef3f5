/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef REMOTE_STREAM_H
#define REMOTE_STREAM_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "remote/protocol.h"
/*
 * How a node is reached: a link is a connection to one node, a stream is one
 * command that runs there. Two implementations: libssh (remote/ssh.h), and a
 * child process in place of the network (remote/pipe.h, for tests).
 *
 * A link and its streams belong to one thread at a time. All calls return
 * within their timeout, or when *stop becomes true (where one is given).
 */
enum {
	STREAM_STDERR_MAX = 64 * 1024, /* what is kept of it: the end */
};

struct stream {
	const struct stream_ops *ops;
	struct str in; /* received just now */
	struct line_reader lines;
	uint64_t received; /* bytes of all lines so far */
	struct str errors; /* stderr of the command */
	bool ended;	   /* nothing more will come */
	int exit_code;	   /* -1 while unknown */
	const bool *stop;  /* borrowed; may be NULL; read atomically */
};

struct stream_ops {
	/* Wait at most timeout_ms for more, into in and errors, or set ended.
	   Nothing having come is not an error. No more than about a megabyte at a
	   time, so that limits hold however fast it comes. */
	int (*read)(struct stream *, int timeout_ms, struct err *);
	/* All of it, or an error after timeout_ms without progress. */
	int (*write)(struct stream *, const void *bytes, size_t length, int timeout_ms,
		     struct err *);
	int (*end_input)(struct stream *, struct err *);
	void (*close)(struct stream *); /* frees the stream */
};

struct link {
	const struct link_ops *ops;
};

struct link_ops {
	/* Start a command, words as they are: none of them comes from the
	   configuration, so that nothing is ever quoted. */
	struct stream *(*exec)(struct link *, const char *const *words, const bool *stop,
			       struct err *);
	void (*close)(struct link *); /* frees the link */
};

struct stream *link_exec(struct link *link, const char *const *words, const bool *stop,
			 struct err *err);
void link_close(struct link *link); /* NULL is fine */

/*
 * The next line without its end. 1: a line; 0: the stream is at its end; -1:
 * an error: "no answer for 60 s", a line that is too long or was cut, a broken
 * connection, "interrupted". *line is borrowed until the next call.
 */
int stream_read_line(struct stream *stream, unsigned timeout_ms, char **line, size_t *length,
		     struct err *err);
int stream_write(struct stream *stream, const void *bytes, size_t length, unsigned timeout_ms,
		 struct err *err);
int stream_end_input(struct stream *stream, struct err *err);
void stream_close(struct stream *stream); /* NULL is fine */

/* Milliseconds of the monotonic clock. */
long stream_now_ms(void);
#endif
