/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The listening half of the protocol: what is not exactly right is an error. */
#include <gnutls/gnutls.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "model/ipv4.h"
#include "model/text_check.h"
#include "remote/protocol.h"

/* What a field of an object may hold. */
enum shape_type { TEXT, TEXT_OR_NULL, NUMBER, FLAG, ARRAY, OBJECT };
struct shape {
	const char *name;
	enum shape_type type;
	bool optional;
};

static bool shape_fits(enum shape_type type, const json_t *value)
{
	switch (type) {
	case TEXT:
		return json_is_string(value);
	case TEXT_OR_NULL:
		return json_is_string(value) || json_is_null(value);
	case NUMBER:
		return json_is_integer(value) && json_integer_value(value) >= 0;
	case FLAG:
		return json_is_boolean(value);
	case ARRAY:
		return json_is_array(value);
	case OBJECT:
		return json_is_object(value);
	}
	return false;
}

static const char *const SHAPE_TEXTS[] = {
	[TEXT] = "text",
	[TEXT_OR_NULL] = "text or null",
	[NUMBER] = "a number from 0",
	[FLAG] = "true or false",
	[ARRAY] = "a list",
	[OBJECT] = "an object",
};

/* The object has all of these fields, and no others. shapes ends with a NULL name. */
static int shape_check(const json_t *json, const struct shape *shapes, struct err *err)
{
	const char *key;
	json_t *value;
	if (!json_is_object(json))
		return err_set(err, "must be an object");
	for (const struct shape *shape = shapes; shape->name; shape++) {
		value = json_object_get(json, shape->name);
		if (value == NULL && !shape->optional)
			return err_set(err, "\"%s\" is missing", shape->name);
		if (value != NULL && !shape_fits(shape->type, value))
			return err_set(err, "\"%s\" must be %s", shape->name,
				       SHAPE_TEXTS[shape->type]);
	}
	json_object_foreach((json_t *)(uintptr_t)json, key, value)
	{
		const struct shape *shape = shapes;
		while (shape->name && strcmp(shape->name, key) != 0)
			shape++;
		if (shape->name == NULL)
			return err_set(err, "unknown field \"%.64s\"", key);
	}
	return 0;
}

static const char *text_of(const json_t *json, const char *name)
{
	return json_string_value(json_object_get(json, name));
}

/* What was said, for an error: in one line that no terminal obeys. */
static void add_harmless(struct str *out, const char *text, size_t length)
{
	AUTO_STR struct str visible = STR_INIT;
	utf8_add_visible(&visible, text, length);
	for (size_t i = 0; i < visible.length; i++) {
		if ((unsigned char)visible.data[i] < ' ' || visible.data[i] == 0x7F)
			visible.data[i] = ' ';
	}
	str_add(out, str_text(&visible));
}

static json_t *line_to_json(const char *line, size_t length, struct err *err)
{
	json_error_t why;
	json_t *json = json_loadb(line, length, JSON_REJECT_DUPLICATES, &why);
	if (json_is_object(json))
		return json;
	enum { SHOWN = 100 };
	AUTO_STR struct str said = STR_INIT;
	add_harmless(&said, line, length < SHOWN ? length : SHOWN);
	str_addf(&said, "%s\": ", length > SHOWN ? "…" : "");
	add_harmless(&said, json ? "not an object" : why.text,
		     json ? strlen("not an object") : strlen(why.text));
	json_decref(json);
	err_set(err, "not a line of the protocol: \"%s", str_text(&said));
	return NULL;
}

/* --- messages ----------------------------------------------------------- */

static int hello_decode(const json_t *json, struct message *message, struct err *err)
{
	json_int_t protocol = json_integer_value(json_object_get(json, "protocol"));
	json_int_t line_max = json_integer_value(json_object_get(json, "line_max"));
	/* One that asks for our build will not be talked to: its version does not matter. */
	if (protocol != PROTOCOL_VERSION && !json_is_true(json_object_get(json, "build_wanted")))
		return err_set(err, "the node speaks protocol %lld, this program %d",
			       (long long)protocol, PROTOCOL_VERSION);
	message->protocol = (int)protocol;
	message->line_max = (size_t)line_max;
	message->build = xstrdup(text_of(json, "build"));
	message->node = xstrdup(text_of(json, "node"));
	message->build_wanted = json_is_true(json_object_get(json, "build_wanted"));
	return 0;
}

static int change_decode(const json_t *json, struct remote_change *change, struct err *err)
{
	static const struct shape SHAPES[] = {
		{ "field", TEXT, false },
		{ "have", TEXT_OR_NULL, false },
		{ "want", TEXT_OR_NULL, false },
		{ NULL, TEXT, false },
	};
	if (shape_check(json, SHAPES, err) != 0)
		return -1;
	change->field = xstrdup(text_of(json, "field"));
	change->have = xstrdup(text_of(json, "have"));
	change->want = xstrdup(text_of(json, "want"));
	return 0;
}

static int changes_decode(const json_t *list, struct remote_step *step, struct err *err)
{
	step->changes = xcalloc(json_array_size(list) + 1, sizeof(*step->changes));
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (change_decode(json_array_get(list, i), &step->changes[i], err) != 0)
			return err_context(err, "\"changes\"");
		step->change_count++;
	}
	return 0;
}

/* refs borrow the name of the kind from its table. */
static int needs_decode(const json_t *list, struct remote_step *step, struct err *err)
{
	static const struct shape SHAPES[] = {
		{ "node", TEXT_OR_NULL, false }, { "kind", TEXT, false }, { "id", TEXT, false },
		{ "gone", FLAG, true },		 { NULL, TEXT, false },
	};
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);
		if (shape_check(item, SHAPES, err) != 0)
			return err_context(err, "\"needs\"");
		const struct kind_spec *kind = kind_find(text_of(item, "kind"));
		if (kind == NULL)
			return err_set(err, "\"needs\": there is no kind \"%.64s\"",
				       text_of(item, "kind"));
		const char *node = text_of(item, "node");
		const char *id = text_of(item, "id");
		bool gone = json_is_true(json_object_get(item, "gone"));
		if (gone && node == NULL)
			return err_set(err, "\"needs\": \"gone\" without a node");
		if (gone)
			refs_add_gone(&step->needs, node, kind->name, id);
		else
			refs_add(&step->needs, node, kind->name, id);
	}
	return 0;
}

static int action_decode(const char *text, enum step_action *action, struct err *err)
{
	for (enum step_action i = STEP_CREATE; i <= STEP_REMOVE; i++) {
		if (strcmp(text, step_action_text(i)) == 0) {
			*action = i;
			return 0;
		}
	}
	return err_set(err, "\"do\" must be create, change, replace or remove, not \"%.64s\"",
		       text);
}

/* "absent", or 64 hexadecimal digits. */
static bool digest_fits(const char *text)
{
	return strcmp(text, "absent") == 0 || (strlen(text) == HASH_HEX_SIZE - 1 &&
					       strspn(text, "0123456789abcdef") == strlen(text));
}

static int step_decode(const json_t *json, struct message *message, struct err *err)
{
	struct remote_step *step = &message->step;
	const char *kind = text_of(json, "kind");
	if (action_decode(text_of(json, "do"), &step->action, err) != 0)
		return -1;
	if (kind_find(kind) == NULL)
		return err_set(err, "there is no kind \"%.64s\"", kind);
	if (!digest_fits(text_of(json, "digest")))
		return err_set(err, "\"digest\" must be \"absent\" or a sha256");
	step->kind = xstrdup(kind);
	step->id = xstrdup(text_of(json, "id"));
	step->digest = xstrdup(text_of(json, "digest"));
	step->loses_data = json_is_true(json_object_get(json, "loses_data"));
	step->refused = xstrdup(text_of(json, "refused"));
	if (changes_decode(json_object_get(json, "changes"), step, err) != 0)
		return -1;
	return needs_decode(json_object_get(json, "needs"), step, err);
}

static int facts_decode(const json_t *json, struct message *message, struct err *err)
{
	(void)err;
	message->facts = json_incref(json_object_get(json, "facts"));
	return 0;
}

/* start, still, ok, failed, warning, error */
static int about_decode(const json_t *json, struct message *message, struct err *err)
{
	(void)err;
	message->kind = xstrdup(text_of(json, "kind"));
	message->id = xstrdup(text_of(json, "id"));
	message->error = xstrdup(text_of(json, "error"));
	return 0;
}

static int output_decode(const json_t *json, struct message *message, struct err *err)
{
	const char *stream = text_of(json, "stream");
	const json_t *text = json_object_get(json, "text");
	const char *base64 = text_of(json, "base64");
	message->is_stderr = strcmp(stream, "err") == 0;
	if (!message->is_stderr && strcmp(stream, "out") != 0)
		return err_set(err, "\"stream\" must be out or err");
	if ((text == NULL) == (base64 == NULL))
		return err_set(err, "must have either \"text\" or \"base64\"");
	if (text) {
		str_add_bytes(&message->output, json_string_value(text), json_string_length(text));
		return 0;
	}
	const gnutls_datum_t encoded = { (unsigned char *)(uintptr_t)base64,
					 (unsigned)strlen(base64) };
	gnutls_datum_t raw = { NULL, 0 };
	if (gnutls_base64_decode2(&encoded, &raw) != 0)
		return err_set(err, "\"base64\" is not base64");
	str_add_bytes(&message->output, raw.data, raw.size);
	gnutls_free(raw.data);
	return 0;
}

static int key_decode(const json_t *json, struct message *message, struct err *err)
{
	const char *key = text_of(json, "key");
	if (!text_is_ssh_key(key))
		return err_set(err, "\"key\" must be a public ssh key");
	message->key = xstrdup(key);
	return 0;
}

static int percent_decode(const json_t *json, struct message *message, struct err *err)
{
	json_int_t percent = json_integer_value(json_object_get(json, "percent"));
	if (percent > 100)
		return err_set(err, "\"percent\" must be 100 at most");
	message->percent = (unsigned)percent;
	return 0;
}

static int armed_decode(const json_t *json, struct message *message, struct err *err)
{
	(void)json;
	(void)message;
	(void)err;
	return 0;
}

static int exit_decode(const json_t *json, struct message *message, struct err *err)
{
	json_int_t code = json_integer_value(json_object_get(json, "code"));
	if (code > 255)
		return err_set(err, "\"code\" must be 255 at most");
	message->exit_code = (int)code;
	return 0;
}

static int done_decode(const json_t *json, struct message *message, struct err *err)
{
	(void)err;
	message->kept = (size_t)json_integer_value(json_object_get(json, "kept"));
	return 0;
}

#define EVENT                                                                                      \
	{                                                                                          \
		"event", TEXT, false                                                               \
	}
#define SHAPES_END                                                                                 \
	{                                                                                          \
		NULL, TEXT, false                                                                  \
	}
/* clang-format off */
static const struct shape HELLO_SHAPES[] = {
	EVENT, { "protocol", NUMBER, false }, { "line_max", NUMBER, false },
	{ "build", TEXT, false }, { "node", TEXT, false }, { "build_wanted", FLAG, true },
	SHAPES_END };
static const struct shape STEP_SHAPES[] = {
	EVENT, { "do", TEXT, false }, { "kind", TEXT, false }, { "id", TEXT, false },
	{ "digest", TEXT, false }, { "changes", ARRAY, false }, { "loses_data", FLAG, false },
	{ "needs", ARRAY, false }, { "refused", TEXT_OR_NULL, false }, SHAPES_END };
static const struct shape FACTS_SHAPES[] = { EVENT, { "facts", OBJECT, false }, SHAPES_END };
static const struct shape ARMED_SHAPES[] = { EVENT, SHAPES_END };
static const struct shape KEY_SHAPES[] = { EVENT, { "key", TEXT, false }, SHAPES_END };
static const struct shape PERCENT_SHAPES[] = { EVENT, { "percent", NUMBER, false }, SHAPES_END };
static const struct shape ABOUT_SHAPES[] = {
	EVENT, { "kind", TEXT, false }, { "id", TEXT, false }, SHAPES_END };
static const struct shape FAILED_SHAPES[] = {
	EVENT, { "kind", TEXT, false }, { "id", TEXT, false }, { "error", TEXT, false },
	SHAPES_END };
static const struct shape OUTPUT_SHAPES[] = {
	EVENT, { "stream", TEXT, false }, { "text", TEXT, true }, { "base64", TEXT, true },
	SHAPES_END };
static const struct shape EXIT_SHAPES[] = { EVENT, { "code", NUMBER, false }, SHAPES_END };
static const struct shape DONE_SHAPES[] = { EVENT, { "kept", NUMBER, false }, SHAPES_END };
static const struct shape ERROR_SHAPES[] = { EVENT, { "error", TEXT, false }, SHAPES_END };

static const struct event {
	const char *name;
	const struct shape *shapes;
	int (*decode)(const json_t *, struct message *, struct err *);
} EVENTS[] = {
	[MESSAGE_HELLO] = { "hello", HELLO_SHAPES, hello_decode },
	[MESSAGE_STEP] = { "step", STEP_SHAPES, step_decode },
	[MESSAGE_WARNING] = { "warning", FAILED_SHAPES, about_decode },
	[MESSAGE_FACTS] = { "facts", FACTS_SHAPES, facts_decode },
	[MESSAGE_ARMED] = { "armed", ARMED_SHAPES, armed_decode },
	[MESSAGE_START] = { "start", ABOUT_SHAPES, about_decode },
	[MESSAGE_STILL] = { "still", ABOUT_SHAPES, about_decode },
	[MESSAGE_OK] = { "ok", ABOUT_SHAPES, about_decode },
	[MESSAGE_FAILED] = { "failed", FAILED_SHAPES, about_decode },
	[MESSAGE_KEY] = { "key", KEY_SHAPES, key_decode },
	[MESSAGE_READY] = { "ready", ARMED_SHAPES, armed_decode },
	[MESSAGE_PERCENT] = { "percent", PERCENT_SHAPES, percent_decode },
	[MESSAGE_OUTPUT] = { "output", OUTPUT_SHAPES, output_decode },
	[MESSAGE_EXIT] = { "exit", EXIT_SHAPES, exit_decode },
	[MESSAGE_DONE] = { "done", DONE_SHAPES, done_decode },
	[MESSAGE_ERROR] = { "error", ERROR_SHAPES, about_decode },
};
/* clang-format on */

const char *message_type_text(enum message_type type)
{
	return (size_t)type < COUNT_OF(EVENTS) ? EVENTS[type].name : "?";
}

static int event_decode(const json_t *json, struct message *message, struct err *err)
{
	const char *name = text_of(json, "event");
	if (name == NULL)
		return err_set(err, "an object without \"event\"");
	for (size_t i = 0; i < COUNT_OF(EVENTS); i++) {
		if (strcmp(name, EVENTS[i].name) != 0)
			continue;
		message->type = (enum message_type)i;
		if (shape_check(json, EVENTS[i].shapes, err) != 0 ||
		    EVENTS[i].decode(json, message, err) != 0)
			return err_context(err, "event \"%s\"", name);
		return 0;
	}
	return err_set(err, "unknown event \"%.64s\"", name);
}

int message_decode(const char *line, size_t length, struct message *message, struct err *err)
{
	struct message decoded = { 0 };
	json_t *json = line_to_json(line, length, err);
	if (json == NULL)
		return -1;
	int rc = event_decode(json, &decoded, err);
	json_decref(json);
	if (rc == 0)
		*message = decoded;
	else
		message_free(&decoded);
	return rc;
}

void message_free(struct message *message)
{
	if (message == NULL)
		return;
	struct remote_step *step = &message->step;
	for (size_t i = 0; i < step->change_count; i++) {
		free(step->changes[i].field);
		free(step->changes[i].have);
		free(step->changes[i].want);
	}
	free(step->changes);
	free(step->kind);
	free(step->id);
	free(step->digest);
	free(step->refused);
	refs_free(&step->needs);
	free(message->build);
	free(message->node);
	json_decref(message->facts);
	free(message->kind);
	free(message->id);
	free(message->key);
	free(message->error);
	str_free(&message->output);
	memset(message, 0, sizeof(*message));
}

/* --- requests ----------------------------------------------------------- */

static int go_decode(const json_t *go, struct request *request, struct err *err)
{
	static const struct shape SHAPES[] = {
		{ "kind", TEXT, false },
		{ "id", TEXT, false },
		{ "digest", TEXT_OR_NULL, false },
		SHAPES_END,
	};
	if (shape_check(go, SHAPES, err) != 0)
		return err_context(err, "\"go\"");
	const char *digest = text_of(go, "digest");
	if (digest && !digest_fits(digest))
		return err_set(err, "\"go\": \"digest\" must be \"absent\", a sha256 or null");
	request->type = REQUEST_GO;
	request->kind = xstrdup(text_of(go, "kind"));
	request->id = xstrdup(text_of(go, "id"));
	request->digest = xstrdup(digest);
	return 0;
}

static int ask_decode(const json_t *ask, struct request *request, struct err *err)
{
	static const struct shape SHAPES[] = {
		{ "kind", TEXT, false },
		{ "id", TEXT, false },
		SHAPES_END,
	};
	if (shape_check(ask, SHAPES, err) != 0)
		return err_context(err, "\"ask\"");
	request->type = REQUEST_ASK;
	request->kind = xstrdup(text_of(ask, "kind"));
	request->id = xstrdup(text_of(ask, "id"));
	return 0;
}

static int run_decode(const json_t *argv, struct request *request, struct err *err)
{
	request->type = REQUEST_RUN;
	if (!json_is_array(argv) || json_array_size(argv) == 0)
		return err_set(err, "\"argv\" must be a list of text with one item at least");
	for (size_t i = 0; i < json_array_size(argv); i++) {
		const char *text = json_string_value(json_array_get(argv, i));
		if (text == NULL)
			return err_set(err, "\"argv\" must be a list of text");
		text_list_add(&request->argv, text);
	}
	return 0;
}

static int arm_decode(const json_t *arm, struct request *request, struct err *err)
{
	static const struct shape SHAPES[] = {
		{ "token", TEXT, false },
		{ "seconds", NUMBER, false },
		SHAPES_END,
	};
	if (shape_check(arm, SHAPES, err) != 0)
		return err_context(err, "\"arm\"");
	json_int_t seconds = json_integer_value(json_object_get(arm, "seconds"));
	if (seconds < 1 || seconds > PROTOCOL_ARM_MAX)
		return err_set(err, "\"arm\": \"seconds\" must be from 1 to %d", PROTOCOL_ARM_MAX);
	request->type = REQUEST_ARM;
	request->token = xstrdup(text_of(arm, "token"));
	request->seconds = (unsigned)seconds;
	return 0;
}

/* What comes in a file of ssh's, on the node. */
static int peer_fill(const char *address, const char *key, struct request *request, struct err *err)
{
	uint32_t number;
	if (!ipv4_parse(address, &number))
		return err_set(err, "the address of the other node must be one of IPv4");
	if (!text_is_ssh_key(key))
		return err_set(err, "the key of the other node must be a public ssh key");
	request->peer.address = xstrdup(address);
	request->peer.key = xstrdup(key);
	return 0;
}

static int accept_decode(const json_t *accept, struct request *request, struct err *err)
{
	static const struct shape SHAPES[] = {
		{ "from", TEXT, false },
		{ "key", TEXT, false },
		{ "seconds", NUMBER, false },
		SHAPES_END,
	};
	if (shape_check(accept, SHAPES, err) != 0)
		return err_context(err, "\"accept\"");
	json_int_t seconds = json_integer_value(json_object_get(accept, "seconds"));
	if (seconds < 1 || seconds > PROTOCOL_ACCEPT_MAX)
		return err_set(err, "\"accept\": \"seconds\" must be from 1 to %d",
			       PROTOCOL_ACCEPT_MAX);
	request->type = REQUEST_ACCEPT;
	request->peer.seconds = (unsigned)seconds;
	return peer_fill(text_of(accept, "from"), text_of(accept, "key"), request, err) == 0
		       ? 0
		       : err_context(err, "\"accept\"");
}

static int migrate_decode(const json_t *migrate, struct request *request, struct err *err)
{
	static const struct shape SHAPES[] = {
		{ "to", TEXT, false },
		{ "host_key", TEXT, false },
		SHAPES_END,
	};
	if (shape_check(migrate, SHAPES, err) != 0)
		return err_context(err, "\"migrate\"");
	request->type = REQUEST_MIGRATE;
	return peer_fill(text_of(migrate, "to"), text_of(migrate, "host_key"), request, err) == 0
		       ? 0
		       : err_context(err, "\"migrate\"");
}

static int confirm_decode(const json_t *token, struct request *request, struct err *err)
{
	if (!json_is_string(token))
		return err_set(err, "\"confirm\" must be text");
	request->type = REQUEST_CONFIRM;
	request->token = xstrdup(json_string_value(token));
	return 0;
}

static int file_decode(const json_t *json, struct request *request, struct err *err)
{
	const char *path, *name;
	json_int_t mode, bytes;
	request->type = REQUEST_FILE;
	if (json_unpack((json_t *)(uintptr_t)json, "{s:s, s:s, s:I, s:I !}", "path", &path, "name",
			&name, "mode", &mode, "bytes", &bytes) != 0)
		return err_set(err, "\"file\" must be { path, name, mode, bytes }");
	if (path[0] != '/')
		return err_set(err, "\"path\" must begin with \"/\"");
	if (*name == '\0' || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_set(err, "\"name\" must be the name of a file");
	if (mode < 0 || mode > 07777 || bytes < 0)
		return err_set(err, "\"mode\" must be from 0 to 4095, and \"bytes\" not negative");
	request->file = (struct request_file){ .path = xstrdup(path),
					       .name = xstrdup(name),
					       .mode = (mode_t)mode,
					       .bytes = (uint64_t)bytes };
	return 0;
}

static int request_fill(const json_t *json, struct request *request, struct err *err)
{
	const char *name = json_object_iter_key(json_object_iter((json_t *)(uintptr_t)json));
	if (json_object_size(json) != 1)
		return err_set(err, "a request has one field: slice, go, end, argv, file, arm, "
				    "confirm, ask, accept or migrate");
	const json_t *value = json_object_get(json, name);
	if (strcmp(name, "slice") == 0) {
		request->type = REQUEST_SLICE;
		return slice_from_json(value, &request->slice, err) == 0
			       ? 0
			       : err_context(err, "\"slice\"");
	}
	if (strcmp(name, "go") == 0)
		return go_decode(value, request, err);
	if (strcmp(name, "file") == 0)
		return file_decode(value, request, err);
	if (strcmp(name, "argv") == 0)
		return run_decode(value, request, err);
	if (strcmp(name, "arm") == 0)
		return arm_decode(value, request, err);
	if (strcmp(name, "confirm") == 0)
		return confirm_decode(value, request, err);
	if (strcmp(name, "ask") == 0)
		return ask_decode(value, request, err);
	if (strcmp(name, "accept") == 0)
		return accept_decode(value, request, err);
	if (strcmp(name, "migrate") == 0)
		return migrate_decode(value, request, err);
	if (strcmp(name, "end") != 0)
		return err_set(err, "unknown request \"%.64s\"", name);
	request->type = REQUEST_END;
	return json_is_true(value) ? 0 : err_set(err, "\"end\" must be true");
}

int request_decode(const char *line, size_t length, struct request *request, struct err *err)
{
	struct request decoded = { 0 };
	json_t *json = line_to_json(line, length, err);
	if (json == NULL)
		return -1;
	int rc = request_fill(json, &decoded, err);
	json_decref(json);
	if (rc == 0)
		*request = decoded;
	else
		request_free(&decoded);
	return rc;
}

void request_free(struct request *request)
{
	if (request == NULL)
		return;
	slice_free(&request->slice);
	free(request->kind);
	free(request->id);
	free(request->digest);
	text_list_free(&request->argv);
	free(request->token);
	free(request->file.path);
	free(request->file.name);
	free(request->peer.address);
	free(request->peer.key);
	memset(request, 0, sizeof(*request));
}
