/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "remote/stream.h"

#include <string.h>
#include <time.h>

/* How often a waiting thread looks whether it should stop. */
enum { SLICE_MS = 200 };

long stream_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000L + now.tv_nsec / 1000000L;
}

struct stream *link_exec(struct link *link, const char *const *words, const bool *stop,
			 struct err *err)
{
	struct stream *stream = link->ops->exec(link, words, stop, err);
	if (stream)
		stream->stop = stop;
	return stream;
}

void link_close(struct link *link)
{
	if (link)
		link->ops->close(link);
}

static bool stopped(const struct stream *stream)
{
	return stream->stop && __atomic_load_n(stream->stop, __ATOMIC_ACQUIRE);
}

static void keep_end(struct str *errors)
{
	if (errors->length <= STREAM_STDERR_MAX)
		return;
	size_t drop = errors->length - STREAM_STDERR_MAX;
	memmove(errors->data, errors->data + drop, STREAM_STDERR_MAX);
	errors->length = STREAM_STDERR_MAX;
	errors->data[errors->length] = '\0';
}

static int no_answer(unsigned timeout_ms, struct err *err)
{
	if (timeout_ms % 1000 != 0)
		return err_set(err, "no answer for %u ms", timeout_ms);
	return err_set(err, "no answer for %u s", timeout_ms / 1000);
}

/* Until something came, or a slice of time is over: who waits looks again. */
static int wait_for_more(struct stream *stream, long deadline_ms, unsigned timeout_ms,
			 struct err *err)
{
	long left_ms = deadline_ms - stream_now_ms();
	if (stopped(stream))
		return err_set(err, "interrupted");
	if (left_ms <= 0)
		return no_answer(timeout_ms, err);
	if (stream->ops->read(stream, (int)(left_ms < SLICE_MS ? left_ms : SLICE_MS), err) != 0)
		return -1;
	keep_end(&stream->errors);
	return 0;
}

int stream_read_line(struct stream *stream, unsigned timeout_ms, char **line, size_t *length,
		     struct err *err)
{
	long deadline_ms = stream_now_ms() + (long)timeout_ms;
	for (;;) {
		int got = line_next(&stream->lines, line, length, err);
		if (got != 0)
			return got;
		if (stream->ended)
			return line_end(&stream->lines, err);
		if (wait_for_more(stream, deadline_ms, timeout_ms, err) != 0)
			return -1;
		stream->received += stream->in.length;
		line_feed(&stream->lines, str_text(&stream->in), stream->in.length);
		str_clear(&stream->in);
	}
}

int stream_read_all(struct stream *stream, unsigned timeout_ms, size_t limit_bytes, struct str *out,
		    struct err *err)
{
	long deadline_ms = stream_now_ms() + (long)timeout_ms;
	for (;;) {
		if (stream->in.length > 0) {
			str_add_bytes(out, stream->in.data, stream->in.length);
			str_clear(&stream->in);
			deadline_ms = stream_now_ms() + (long)timeout_ms;
		}
		if (out->length > limit_bytes)
			return err_set(err, "more than %zu bytes came", limit_bytes);
		if (stream->ended)
			return 0;
		if (wait_for_more(stream, deadline_ms, timeout_ms, err) != 0)
			return -1;
	}
}

int stream_write(struct stream *stream, const void *bytes, size_t length, unsigned timeout_ms,
		 struct err *err)
{
	enum { CHUNK = 256 * 1024 };
	const char *from = bytes;
	while (length > 0) {
		size_t part = length < CHUNK ? length : CHUNK;
		if (stopped(stream))
			return err_set(err, "interrupted");
		if (stream->ops->write(stream, from, part, (int)timeout_ms, err) != 0)
			return -1;
		from += part;
		length -= part;
	}
	return 0;
}

int stream_end_input(struct stream *stream, struct err *err)
{
	return stream->ops->end_input(stream, err);
}

void stream_close(struct stream *stream)
{
	if (stream)
		stream->ops->close(stream);
}
