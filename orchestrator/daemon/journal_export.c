/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/journal_export.h"

#include <endian.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_BYTES = 8, TIME_BITS = 55 /* what a journal file can hold */ };

struct reader {
	struct journal_export *stream;
	int (*take)(void *context, const struct journal_entry *, struct err *);
	void *context;
};

static bool name_valid(const char *name, size_t length)
{
	if (length == 0 || length > JOURNAL_NAME_MAX_BYTES || (name[0] >= '0' && name[0] <= '9'))
		return false;
	for (size_t i = 0; i < length; i++)
		if (!(name[i] >= 'A' && name[i] <= 'Z') && !(name[i] >= '0' && name[i] <= '9') &&
		    name[i] != '_')
			return false;
	return true;
}

static bool is(const char *name, size_t length, const char *wanted)
{
	return length == strlen(wanted) && memcmp(name, wanted, length) == 0;
}

static bool parse_number(const char *text, size_t length, unsigned base, uint64_t *number)
{
	uint64_t sum = 0;
	if (length == 0 || length > 20)
		return false;
	for (size_t i = 0; i < length; i++) {
		static const char DIGITS[] = "0123456789abcdef";
		const char *digit = text[i] ? strchr(DIGITS, text[i]) : NULL;
		if (digit == NULL || (unsigned)(digit - DIGITS) >= base)
			return false;
		if (__builtin_mul_overflow(sum, base, &sum) ||
		    __builtin_add_overflow(sum, (uint64_t)(digit - DIGITS), &sum))
			return false;
	}
	*number = sum;
	return true;
}

static bool parse_id(const char *text, size_t length, char id[JOURNAL_ID_SIZE])
{
	if (length != JOURNAL_ID_SIZE - 1)
		return false;
	for (size_t i = 0; i < length; i++)
		if (text[i] == '\0' || strchr("0123456789abcdef", text[i]) == NULL)
			return false;
	memcpy(id, text, length);
	id[length] = '\0';
	return true;
}

/* "s=ID;i=HEX;…": a cursor says where an entry stands. */
static void parse_cursor(const char *text, size_t length, struct journal_entry *entry)
{
	const char *end = text + length;
	uint64_t number = 0;
	if (length < 38 || memcmp(text, "s=", 2) != 0 || memcmp(text + 34, ";i=", 3) != 0)
		return;
	const char *at = text + 37;
	const char *stop = memchr(at, ';', (size_t)(end - at));
	if (stop && parse_number(at, (size_t)(stop - at), 16, &number) &&
	    parse_id(text + 2, 32, entry->source))
		entry->number = number;
}

static int bad(struct err *err, const char *name, size_t length)
{
	return err_set(err, "%.*s: not what journald writes", (int)length, name);
}

/* Keep the field, and note what is told by it. raw: as in the stream. */
static int add_field(struct journal_export *stream, const char *name, size_t name_length,
		     const char *value, size_t value_length, const char *raw, size_t raw_length,
		     struct err *err)
{
	struct journal_entry *entry = &stream->entry;
	if (!name_valid(name, name_length))
		return err_set(err, "this is no stream of journal entries");
	if (++stream->count > JOURNAL_FIELDS_MAX)
		stream->too_large = true;
	bool time = is(name, name_length, "__REALTIME_TIMESTAMP");
	bool uptime = is(name, name_length, "__MONOTONIC_TIMESTAMP");
	if (time || uptime) {
		uint64_t *number = time ? &entry->realtime_us : &entry->monotonic_us;
		if (!parse_number(value, value_length, 10, number) || *number >> TIME_BITS)
			return bad(err, name, name_length);
	} else if (is(name, name_length, "_BOOT_ID")) {
		if (!parse_id(value, value_length, entry->boot))
			return bad(err, name, name_length);
	} else if (is(name, name_length, "__CURSOR")) {
		parse_cursor(value, value_length, entry);
	} else if (is(name, name_length, "_TRANSPORT")) {
		entry->kernel = is(value, value_length, "kernel");
	} else if (is(name, name_length, "_SOURCE_MONOTONIC_TIMESTAMP")) {
		if (!parse_number(value, value_length, 10, &entry->kernel_us))
			return bad(err, name, name_length);
	}
	entry->source_time =
		entry->source_time || is(name, name_length, "_SOURCE_REALTIME_TIMESTAMP");
	/* The certificate says who it is, and the cursor is one of another journal's. */
	bool own = name_length >= 2 && memcmp(name, "__", 2) == 0 && !uptime;
	if (own || is(name, name_length, "_HOSTNAME"))
		return 0;
	if (stream->fields.length + raw_length > JOURNAL_ENTRY_MAX_BYTES)
		stream->too_large = true;
	if (stream->too_large)
		return 0;
	if (is(name, name_length, "MESSAGE")) {
		stream->message_at = stream->fields.length + (size_t)(value - raw);
		entry->message_length = value_length;
	}
	str_add_bytes(&stream->fields, raw, raw_length);
	return 0;
}

static void reset(struct journal_export *stream)
{
	stream->entry = (struct journal_entry){ 0 };
	str_clear(&stream->fields);
	stream->count = 0;
	stream->message_at = 0;
	stream->too_large = false;
}

static int end_entry(const struct reader *reader, struct err *err)
{
	struct journal_export *stream = reader->stream;
	struct journal_entry *entry = &stream->entry;
	int rc = 0;
	if (stream->count == 0) /* one empty line more */
		return 0;
	if (stream->too_large) {
		stream->left_out++;
	} else {
		if (entry->realtime_us == 0 || entry->boot[0] == '\0')
			return err_set(err, "an entry has no time or no _BOOT_ID");
		entry->fields = str_text(&stream->fields);
		entry->length = stream->fields.length;
		entry->message = entry->fields + stream->message_at;
		rc = reader->take(reader->context, entry, err);
	}
	reset(stream);
	return rc;
}

/* A line without its end: a field, the name of a binary one, or the end of the entry. */
static int take_line(const struct reader *reader, struct err *err)
{
	struct journal_export *stream = reader->stream;
	const char *line = str_text(&stream->pending);
	size_t length = stream->pending.length - 1;
	const char *equals = memchr(line, '=', length);
	if (length == 0)
		return end_entry(reader, err);
	if (equals == NULL) {
		if (!name_valid(line, length))
			return err_set(err, "this is no stream of journal entries");
		stream->in_binary = true;
		return 1; /* the line stays: it is the beginning of the field */
	}
	size_t name = (size_t)(equals - line);
	return add_field(stream, line, name, equals + 1, length - name - 1, line, length + 1, err);
}

/* NAME \n, length, value, \n: all of it is there. */
static int take_binary(const struct reader *reader, struct err *err)
{
	struct journal_export *stream = reader->stream;
	const char *raw = str_text(&stream->pending);
	size_t length = stream->pending.length;
	size_t name = strcspn(raw, "\n");
	if (raw[length - 1] != '\n')
		return err_set(err, "this is no stream of journal entries");
	stream->in_binary = false;
	return add_field(stream, raw, name, raw + name + 1 + LENGTH_BYTES,
			 length - name - 2 - LENGTH_BYTES, raw, length, err);
}

static size_t smaller(size_t a, uint64_t b)
{
	return b < a ? (size_t)b : a;
}

/* What is missing of the field in `pending`, as far as it is there; one that is too large is read over
   and not kept. Returns the bytes used. */
static size_t add_binary(struct journal_export *stream, const char *bytes, size_t length)
{
	size_t head = strcspn(str_text(&stream->pending), "\n") + 1 + LENGTH_BYTES;
	if (stream->pending.length < head) {
		size_t used = smaller(length, head - stream->pending.length);
		str_add_bytes(&stream->pending, bytes, used);
		if (stream->pending.length == head) {
			uint64_t size;
			memcpy(&size, stream->pending.data + head - LENGTH_BYTES, sizeof(size));
			size = le64toh(size);
			stream->too_large = stream->too_large || size > JOURNAL_ENTRY_MAX_BYTES;
			stream->binary = size == UINT64_MAX ? size : size + 1;
		}
		return used;
	}
	size_t used = smaller(length, stream->binary);
	if (!stream->too_large)
		str_add_bytes(&stream->pending, bytes, used);
	stream->binary -= used;
	return used;
}

static int add_some(const struct reader *reader, const char *bytes, size_t length, size_t *used,
		    struct err *err)
{
	struct journal_export *stream = reader->stream;
	int rc = 0;
	if (stream->in_binary) {
		size_t head = strcspn(str_text(&stream->pending), "\n") + 1 + LENGTH_BYTES;
		*used = add_binary(stream, bytes, length);
		if (stream->pending.length < head || stream->binary > 0)
			return 0;
		if (stream->too_large) {
			stream->in_binary = false;
			stream->count++;
		} else {
			rc = take_binary(reader, err);
		}
		str_clear(&stream->pending);
		return rc;
	}
	const char *end = memchr(bytes, '\n', length);
	*used = end ? (size_t)(end - bytes) + 1 : length;
	if (stream->pending.length + *used > JOURNAL_ENTRY_MAX_BYTES)
		stream->skips = stream->too_large = true;
	if (!stream->skips)
		str_add_bytes(&stream->pending, bytes, *used);
	if (end == NULL)
		return 0;
	if (stream->skips)
		stream->count++;
	else
		rc = take_line(reader, err);
	stream->skips = false;
	if (rc <= 0)
		str_clear(&stream->pending);
	return rc < 0 ? -1 : 0;
}

int journal_export_add(struct journal_export *stream, const char *bytes, size_t length,
		       int (*take)(void *context, const struct journal_entry *, struct err *),
		       void *context, struct err *err)
{
	const struct reader reader = { stream, take, context };
	while (length > 0) {
		size_t used = 0;
		if (add_some(&reader, bytes, length, &used, err) != 0)
			return -1;
		bytes += used;
		length -= used;
	}
	return 0;
}

int journal_export_end(const struct journal_export *stream, struct err *err)
{
	return stream->count == 0 && stream->pending.length == 0
		       ? 0
		       : err_set(err, "the last entry was cut off");
}

void journal_export_free(struct journal_export *stream)
{
	str_free(&stream->pending);
	str_free(&stream->fields);
	*stream = (struct journal_export)JOURNAL_EXPORT_INIT;
}
