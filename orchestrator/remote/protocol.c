/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines, and what is said in them; protocol_decode.c is the listening half. */
#include "remote/protocol.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"

void line_feed(struct line_reader *reader, const void *bytes, size_t length)
{
	/* Lines that were taken make room before more comes in. */
	if (reader->start > 0) {
		size_t left = reader->buffer.length - reader->start;
		memmove(reader->buffer.data, reader->buffer.data + reader->start, left);
		reader->buffer.length = left;
		reader->scanned -= reader->start;
		reader->start = 0;
	}
	if (length > 0)
		str_add_bytes(&reader->buffer, bytes, length);
}

int line_next(struct line_reader *reader, char **line, size_t *length, struct err *err)
{
	struct str *buffer = &reader->buffer;
	char *end = NULL;
	if (reader->failed)
		return err_set(err, "the stream was given up after a line that is too long");
	if (buffer->length > reader->scanned)
		end = memchr(buffer->data + reader->scanned, '\n',
			     buffer->length - reader->scanned);
	size_t found =
		end ? (size_t)(end - buffer->data) - reader->start : buffer->length - reader->start;
	if (found > PROTOCOL_LINE_MAX) {
		reader->failed = true;
		return err_set(err, "a line of more than %d bytes", PROTOCOL_LINE_MAX);
	}
	if (end == NULL) {
		reader->scanned = buffer->length;
		return 0;
	}
	*end = '\0';
	*line = buffer->data + reader->start;
	*length = found;
	reader->start += found + 1;
	reader->scanned = reader->start;
	return 1;
}

int line_end(const struct line_reader *reader, struct err *err)
{
	if (reader->buffer.length > reader->start)
		return err_set(err, "the stream ended in the middle of a line");
	return 0;
}

size_t line_take(struct line_reader *reader, void *to, size_t length)
{
	size_t left = reader->buffer.length - reader->start;
	size_t taken = left < length ? left : length;
	if (taken > 0)
		memcpy(to, reader->buffer.data + reader->start, taken);
	reader->start += taken;
	reader->scanned = reader->start;
	return taken;
}

int line_read(struct line_reader *reader, int fd, char **line, size_t *length, struct err *err)
{
	for (;;) {
		char chunk[65536];
		int rc = line_next(reader, line, length, err);
		if (rc != 0)
			return rc;
		ssize_t got = read(fd, chunk, sizeof(chunk));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set_errno(err, errno, "read");
		if (got == 0)
			return line_end(reader, err);
		line_feed(reader, chunk, (size_t)got);
	}
}

void line_reader_free(struct line_reader *reader)
{
	if (reader == NULL)
		return;
	str_free(&reader->buffer);
	*reader = (struct line_reader)LINE_READER_INIT;
}

/* JSON takes UTF-8 only, and the text of an error comes from any command. */
static json_t *text_json(const char *text)
{
	AUTO_STR struct str visible = STR_INIT;
	utf8_add_visible(&visible, text, strlen(text));
	return json_stringn(str_text(&visible), visible.length);
}

/* Takes the object. */
static void add_line(struct str *out, json_t *json)
{
	AUTO_FREE char *text = json_dumps(json, JSON_COMPACT);
	str_add(out, text);
	str_add(out, "\n");
	json_decref(json);
}

void message_hello(struct str *out, const char *build, const char *node, bool build_wanted)
{
	json_t *json = json_pack("{s:s, s:i, s:i, s:s, s:o}", "event", "hello", "protocol",
				 PROTOCOL_VERSION, "line_max", PROTOCOL_LINE_MAX, "build", build,
				 "node", text_json(node));
	if (build_wanted)
		json_object_set_new(json, "build_wanted", json_true());
	add_line(out, json);
}

void message_step(struct str *out, const struct step *step)
{
	add_line(out, step_to_json(step));
}

void message_facts(struct str *out, const json_t *facts)
{
	add_line(out, json_pack("{s:s, s:o}", "event", "facts", "facts", json_deep_copy(facts)));
}

static void add_about(struct str *out, const char *event, const char *kind, const char *id,
		      const char *error)
{
	json_t *json = json_pack("{s:s, s:o, s:o}", "event", event, "kind", text_json(kind), "id",
				 text_json(id));
	if (error)
		json_object_set_new(json, "error", text_json(error));
	add_line(out, json);
}

void message_armed(struct str *out)
{
	str_add(out, "{\"event\":\"armed\"}\n");
}

void message_warning(struct str *out, const char *kind, const char *id, const char *text)
{
	add_about(out, "warning", kind, id, text);
}

void message_start(struct str *out, const char *kind, const char *id)
{
	add_about(out, "start", kind, id, NULL);
}

void message_still(struct str *out, const char *kind, const char *id)
{
	add_about(out, "still", kind, id, NULL);
}

void message_ok(struct str *out, const char *kind, const char *id)
{
	add_about(out, "ok", kind, id, NULL);
}

void message_failed(struct str *out, const char *kind, const char *id, const char *error)
{
	add_about(out, "failed", kind, id, error);
}

void message_key(struct str *out, const char *key)
{
	add_line(out, json_pack("{s:s, s:o}", "event", "key", "key", text_json(key)));
}

void message_ready(struct str *out)
{
	str_add(out, "{\"event\":\"ready\"}\n");
}

void message_percent(struct str *out, unsigned percent)
{
	add_line(out, json_pack("{s:s, s:i}", "event", "percent", "percent", (int)percent));
}

void message_output(struct str *out, bool is_stderr, const void *bytes, size_t length)
{
	json_t *json =
		json_pack("{s:s, s:s}", "event", "output", "stream", is_stderr ? "err" : "out");
	bool plain = utf8_valid_length(bytes, length) == length &&
		     (length == 0 || memchr(bytes, '\0', length) == NULL);
	if (plain) {
		json_object_set_new(json, "text", json_stringn(bytes, length));
	} else {
		const gnutls_datum_t raw = { (unsigned char *)(uintptr_t)bytes, (unsigned)length };
		gnutls_datum_t encoded = { NULL, 0 };
		gnutls_base64_encode2(&raw, &encoded);
		json_object_set_new(json, "base64",
				    json_stringn((const char *)encoded.data, encoded.size));
		gnutls_free(encoded.data);
	}
	add_line(out, json);
}

void message_exit(struct str *out, int code)
{
	add_line(out, json_pack("{s:s, s:i}", "event", "exit", "code", code));
}

void message_done(struct str *out, size_t kept)
{
	add_line(out, json_pack("{s:s, s:I}", "event", "done", "kept", (json_int_t)kept));
}

void message_error(struct str *out, const char *error)
{
	add_line(out, json_pack("{s:s, s:o}", "event", "error", "error", text_json(error)));
}

/* Takes the object. out is untouched when the line would be too long. */
static int add_request(struct str *out, json_t *json, struct err *err)
{
	AUTO_FREE char *text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	if (strlen(text) > PROTOCOL_LINE_MAX)
		return err_set(err, "would be a line of more than %d bytes", PROTOCOL_LINE_MAX);
	str_add(out, text);
	str_add(out, "\n");
	return 0;
}

int request_slice(struct str *out, const struct slice *slice, struct err *err)
{
	return add_request(out, json_pack("{s:o}", "slice", slice_to_json(slice)), err);
}

void request_go(struct str *out, const char *kind, const char *id, const char *digest)
{
	add_line(out,
		 json_pack("{s:{s:s, s:s, s:s?}}", "go", "kind", kind, "id", id, "digest", digest));
}

void request_end(struct str *out)
{
	str_add(out, "{\"end\":true}\n");
}

void request_arm(struct str *out, const char *token, unsigned seconds)
{
	add_line(out, json_pack("{s:{s:s, s:i}}", "arm", "token", token, "seconds", (int)seconds));
}

void request_confirm(struct str *out, const char *token)
{
	add_line(out, json_pack("{s:s}", "confirm", token));
}

void request_ask(struct str *out, const char *kind, const char *id)
{
	add_line(out, json_pack("{s:{s:s, s:s}}", "ask", "kind", kind, "id", id));
}

void request_accept(struct str *out, const struct request_peer *peer)
{
	add_line(out, json_pack("{s:{s:s, s:s, s:i}}", "accept", "from", peer->address, "key",
				peer->key, "seconds", (int)peer->seconds));
}

void request_migrate(struct str *out, const struct request_peer *peer)
{
	add_line(out, json_pack("{s:{s:s, s:s}}", "migrate", "to", peer->address, "host_key",
				peer->key));
}

int request_file(struct str *out, const struct request_file *file, struct err *err)
{
	json_t *json =
		json_pack("{s:{s:s, s:s, s:i, s:I}}", "file", "path", file->path, "name",
			  file->name, "mode", (int)file->mode, "bytes", (json_int_t)file->bytes);
	if (json == NULL)
		return err_set(err, "%s: a name that is not UTF-8", file->name);
	add_line(out, json);
	return 0;
}

int request_run(struct str *out, char *const *argv, size_t count, struct err *err)
{
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++) {
		if (json_array_append_new(list, json_string(argv[i])) != 0) {
			json_decref(list);
			return err_set(err, "argument %zu is not UTF-8", i + 1);
		}
	}
	return add_request(out, json_pack("{s:o}", "argv", list), err);
}
