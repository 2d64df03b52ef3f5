/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef NODE_CONVERSATION_H
#define NODE_CONVERSATION_H
#include "remote/protocol.h"
/*
 * The node's end of docs/protocol.md: requests in, events out.
 */
struct conversation {
	int in;
	int out;
	struct line_reader reader;
	const char *run_dir; /* /run/moyai; borrowed */
	const char *build;   /* what the other side asked for; borrowed */
	bool gone;	     /* nobody reads `out` any more */
};

/* Send what is in `line` and empty it. -1 when nobody listens any more. */
int conversation_send(struct conversation *conversation, struct str *line, struct err *err);

/* Whether the other side has closed its end of `out`. */
bool conversation_is_gone(struct conversation *conversation);

/* The next request. 1, or 0 at the end of file, or -1. The caller frees it. */
int conversation_next(struct conversation *conversation, struct request *request, struct err *err);

/* Raw bytes behind a request that announced them, as read(2). */
ssize_t conversation_read(struct conversation *conversation, void *to, size_t length);

/* The next request, which must be of this type. */
int conversation_expect(struct conversation *conversation, enum request_type type,
			struct request *request, struct err *err);

/*
 * The verbs. Each sends its events and `done` and returns 0, or -1 with the
 * error that is to be sent in place of `done`.
 */
int verb_plan(struct conversation *conversation, struct err *err);
int verb_status(struct conversation *conversation, struct err *err);
int verb_apply(struct conversation *conversation, struct err *err);
int verb_facts(struct conversation *conversation, struct err *err);
int verb_run(struct conversation *conversation, struct err *err);
int verb_confirm(struct conversation *conversation, struct err *err);
int verb_copy(struct conversation *conversation, struct err *err);
int verb_ask(struct conversation *conversation, struct err *err);
int verb_accept(struct conversation *conversation, struct err *err);
int verb_migrate(struct conversation *conversation, struct err *err);
int verb_receive(struct conversation *conversation, struct err *err);
#endif
