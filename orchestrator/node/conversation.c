/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "node/conversation.h"

#include <assert.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

int conversation_send(struct conversation *conversation, struct str *line, struct err *err)
{
	if (!conversation->gone &&
	    file_write_all(conversation->out, line->data, line->length, err) != 0)
		conversation->gone = true;
	str_clear(line);
	return conversation->gone ? err_set(err, "nobody listens any more") : 0;
}

bool conversation_is_gone(struct conversation *conversation)
{
	struct pollfd poll_out = { .fd = conversation->out, .events = 0 };
	if (poll(&poll_out, 1, 0) > 0 && (poll_out.revents & (POLLERR | POLLHUP | POLLNVAL)))
		conversation->gone = true;
	return conversation->gone;
}

int conversation_next(struct conversation *conversation, struct request *request, struct err *err)
{
	char *line;
	size_t length;
	int rc = line_read(&conversation->reader, conversation->in, &line, &length, err);
	if (rc <= 0)
		return rc;
	rc = request_decode(line, length, request, err);
	/* The slice held secrets. */
	explicit_bzero(line, length);
	return rc == 0 ? 1 : -1;
}

ssize_t conversation_read(struct conversation *conversation, void *to, size_t length)
{
	size_t taken = line_take(&conversation->reader, to, length);
	if (taken > 0)
		return (ssize_t)taken;
	for (;;) {
		ssize_t got = read(conversation->in, to, length);
		if (got >= 0 || errno != EINTR)
			return got;
	}
}

int conversation_expect(struct conversation *conversation, enum request_type type,
			struct request *request, struct err *err)
{
	static const char *const TEXTS[] = {
		[REQUEST_SLICE] = "slice",     [REQUEST_GO] = "go",	[REQUEST_END] = "end",
		[REQUEST_RUN] = "argv",	       [REQUEST_FILE] = "file", [REQUEST_ARM] = "arm",
		[REQUEST_CONFIRM] = "confirm", [REQUEST_ASK] = "ask",	[REQUEST_ACCEPT] = "accept",
		[REQUEST_MIGRATE] = "migrate",
	};
	static_assert(COUNT_OF(TEXTS) == REQUEST_TYPES, "a word for each request");
	int rc = conversation_next(conversation, request, err);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return err_set(err, "the stream ended before \"%s\"", TEXTS[type]);
	if (request->type == type)
		return 0;
	err_set(err, "\"%s\" came where \"%s\" was expected", TEXTS[request->type], TEXTS[type]);
	request_free(request);
	return -1;
}
