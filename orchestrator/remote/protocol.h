/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef REMOTE_PROTOCOL_H
#define REMOTE_PROTOCOL_H
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"
#include "engine/plan.h"
/*
 * The conversation of docs/protocol.md as code, for both sides. Everything
 * that comes in is untrusted: every line has a limit, every event its exact
 * set of fields, and the error says what was wrong with what was said.
 */
enum {
	PROTOCOL_VERSION = 1,
	PROTOCOL_LINE_MAX = 4 * 1024 * 1024, /* bytes, without the newline */
	PROTOCOL_OUTPUT_MAX = 32 * 1024,     /* bytes of a command's output per event */
	PROTOCOL_ARM_MAX = 3600,	     /* seconds */
	PROTOCOL_ACCEPT_MAX = 7 * 24 * 3600, /* seconds */
};
#define PROTOCOL_NODE_PROGRAM "/usr/lib/moyai/moyai-node"

/*
 * Lines out of a stream that comes in pieces. Feed what was read, then take
 * lines until there is none. After an error the reader stays in error.
 */
struct line_reader {
	struct str buffer;
	size_t start;	/* of the line that is being collected */
	size_t scanned; /* no newline before this offset */
	bool failed;
};
#define LINE_READER_INIT                                                                           \
	{                                                                                          \
		STR_INIT, 0, 0, false                                                              \
	}
void line_feed(struct line_reader *reader, const void *bytes, size_t length);
/* 1: *line is a line without its newline, terminated, borrowed until the next
   call with this reader; 0: not complete yet; -1: the line is too long. */
int line_next(struct line_reader *reader, char **line, size_t *length, struct err *err);
/* For the end of file: bytes behind the last newline are an error ("the stream
   ended in the middle of a line"). */
int line_end(const struct line_reader *reader, struct err *err);
/* Raw bytes that came behind the last line; how many, 0: none are left here. */
size_t line_take(struct line_reader *reader, void *to, size_t length);
/* line_next() over a blocking descriptor. 1: a line, 0: end of file, -1. */
int line_read(struct line_reader *reader, int fd, char **line, size_t *length, struct err *err);
void line_reader_free(struct line_reader *reader);

/* --- node → moyai ------------------------------------------------------- */

/* A step as it arrives on moyai's side: text to print and to send back. */
struct remote_change {
	char *field;
	char *have; /* NULL: not there */
	char *want; /* NULL: goes away */
};
struct remote_step {
	enum step_action action;
	char *kind;
	char *id;
	char *digest; /* to be sent back in `go` */
	struct remote_change *changes;
	size_t change_count;
	bool loses_data;
	char *refused;	   /* why it will not be done; NULL: may be done */
	struct refs needs; /* node NULL: on the same node */
};

enum message_type {
	MESSAGE_HELLO,
	MESSAGE_STEP,
	MESSAGE_WARNING,
	MESSAGE_FACTS,
	MESSAGE_ARMED,
	MESSAGE_START,
	MESSAGE_STILL,
	MESSAGE_OK,
	MESSAGE_FAILED,
	MESSAGE_KEY,
	MESSAGE_READY,
	MESSAGE_PERCENT,
	MESSAGE_OUTPUT,
	MESSAGE_EXIT,
	MESSAGE_DONE,
	MESSAGE_ERROR,
};
struct message {
	enum message_type type;
	/* hello */
	int protocol;
	size_t line_max; /* the longest line the node takes, in bytes */
	char *build;
	char *node;
	bool build_wanted; /* send yours with `receive`, then start the phase again */
	/* step */
	struct remote_step step;
	/* facts */
	json_t *facts;
	/* start, still, ok, failed, warning */
	char *kind;
	char *id;
	/* key: the public half, a line of authorized_keys(5) without options */
	char *key;
	/* percent: of what there is to send */
	unsigned percent;
	/* failed, error; of a warning its text */
	char *error;
	/* output: bytes as the command wrote them, not always UTF-8 */
	bool is_stderr;
	struct str output;
	/* exit: 128 + signal when a signal ended the command */
	int exit_code;
	/* done: resources that are as wanted (plan, status; else 0) */
	size_t kept;
};
/* The message owns all its text. *message may hold garbage before; untouched
   on failure. */
int message_decode(const char *line, size_t length, struct message *message, struct err *err);
void message_free(struct message *message);	       /* to all zero */
const char *message_type_text(enum message_type type); /* "hello" … */

/* Events as lines with their newline, appended to out. */
void message_hello(struct str *out, const char *build, const char *node, bool build_wanted);
void message_step(struct str *out, const struct step *step);
void message_warning(struct str *out, const char *kind, const char *id, const char *text);
void message_facts(struct str *out, const json_t *facts); /* borrowed */
void message_armed(struct str *out);
void message_start(struct str *out, const char *kind, const char *id);
void message_still(struct str *out, const char *kind, const char *id);
void message_ok(struct str *out, const char *kind, const char *id);
void message_failed(struct str *out, const char *kind, const char *id, const char *error);
void message_key(struct str *out, const char *key);
void message_ready(struct str *out);
void message_percent(struct str *out, unsigned percent);
/* At most PROTOCOL_OUTPUT_MAX bytes; any bytes. */
void message_output(struct str *out, bool is_stderr, const void *bytes, size_t length);
void message_exit(struct str *out, int code);
void message_done(struct str *out, size_t kept);
void message_error(struct str *out, const char *error);

/* --- moyai → node ------------------------------------------------------- */

enum request_type {
	REQUEST_SLICE,
	REQUEST_GO,
	REQUEST_END,
	REQUEST_RUN,
	REQUEST_FILE,
	REQUEST_ARM,
	REQUEST_CONFIRM,
	REQUEST_ASK,
	REQUEST_ACCEPT,
	REQUEST_MIGRATE,
};
enum { REQUEST_TYPES = REQUEST_MIGRATE + 1 };
/* A file, whose bytes follow the line. */
struct request_file {
	char *path; /* absolute; a directory: the file goes into it under its name */
	char *name; /* without "/" */
	mode_t mode;
	uint64_t bytes;
};
/* The other end of a guest's move. */
struct request_peer {
	char *address;	  /* of the node */
	char *key;	  /* accept: that it comes with; migrate: its host key. As message key */
	unsigned seconds; /* accept: for which the key is good; migrate: 0 */
};
struct request {
	enum request_type type;
	struct slice slice;    /* slice */
	char *kind;	       /* go, ask */
	char *id;	       /* go, ask */
	char *digest;	       /* go; NULL: known only after an earlier step of this apply */
	struct text_list argv; /* run; never empty */
	char *token;	       /* arm, confirm */
	unsigned seconds;      /* arm */
	struct request_file file;
	struct request_peer peer; /* accept, migrate */
};
/* As message_decode(). */
int request_decode(const char *line, size_t length, struct request *request, struct err *err);
void request_free(struct request *request);

/* Lines with their newline, appended to out. The slice holds secrets: nowhere
   but into the ssh channel. -1 when a line would be longer than the limit, or
   when an argument is not UTF-8 (JSON has no word for it). */
int request_slice(struct str *out, const struct slice *slice, struct err *err);
void request_go(struct str *out, const char *kind, const char *id, const char *digest);
void request_end(struct str *out);
void request_arm(struct str *out, const char *token, unsigned seconds);
void request_confirm(struct str *out, const char *token);
void request_ask(struct str *out, const char *kind, const char *id);
void request_accept(struct str *out, const struct request_peer *peer);
void request_migrate(struct str *out, const struct request_peer *peer);
/* -1: path or name are not UTF-8. */
int request_file(struct str *out, const struct request_file *file, struct err *err);
int request_run(struct str *out, char *const *argv, size_t count, struct err *err);
#endif
