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
	struct stream *stream = link->ops->exec(link, words, err);
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

static bool take_line(struct stream *stream, struct str *line)
{
	struct str *in = &stream->in;
	if (in->length == 0)
		return false;
	const char *from = in->data + stream->scanned;
	const char *end = memchr(from, '\n', in->length - stream->scanned);
	if (end == NULL) {
		stream->scanned = in->length;
		return false;
	}
	size_t stop = (size_t)(end - in->data);
	str_clear(line);
	str_add_bytes(line, in->data + stream->in_start, stop - stream->in_start);
	stream->in_start = stream->scanned = stop + 1;
	if (stream->in_start == in->length) {
		str_clear(in);
		stream->in_start = stream->scanned = 0;
	}
	return true;
}

/* Move what is untaken to the front, so that a long stream needs no more
   memory than its longest line. */
static void compact(struct stream *stream)
{
	struct str *in = &stream->in;
	if (stream->in_start == 0)
		return;
	in->length -= stream->in_start;
	memmove(in->data, in->data + stream->in_start, in->length);
	in->data[in->length] = '\0';
	stream->scanned -= stream->in_start;
	stream->in_start = 0;
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

int stream_read_line(struct stream *stream, unsigned timeout_ms, struct str *line, struct err *err)
{
	long deadline_ms = stream_now_ms() + (long)timeout_ms;
	for (;;) {
		if (take_line(stream, line))
			return 1;
		if (stream->ended)
			return 0;
		if (stream->in.length - stream->in_start > STREAM_LINE_MAX)
			return err_set(err, "the node sent a line of more than 4 MiB");
		if (stopped(stream))
			return err_set(err, "interrupted");
		long left_ms = deadline_ms - stream_now_ms();
		if (left_ms <= 0)
			return no_answer(timeout_ms, err);
		compact(stream);
		if (stream->ops->read(stream, (int)(left_ms < SLICE_MS ? left_ms : SLICE_MS),
				      err) != 0)
			return -1;
		keep_end(&stream->errors);
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
