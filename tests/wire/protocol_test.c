/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines and messages as such: limits, pieces, and what is said about mistakes. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "tests/wire/peer.h"

static void lines_in_pieces_of_any_size(void **state)
{
	static const char TEXT[] = "first\n\nthird line\n\nlast\n";
	static const char *const LINES[] = { "first", "", "third line", "", "last" };
	(void)state;
	for (size_t piece = 1; piece < sizeof(TEXT); piece++) {
		struct line_reader reader = LINE_READER_INIT;
		size_t found = 0;
		for (size_t at = 0; at < sizeof(TEXT) - 1; at += piece) {
			size_t left = sizeof(TEXT) - 1 - at;
			char *line;
			size_t length;
			line_feed(&reader, TEXT + at, piece < left ? piece : left);
			while (line_next(&reader, &line, &length, NULL) == 1) {
				assert_true(found < COUNT_OF(LINES));
				assert_string_equal(line, LINES[found]);
				assert_int_equal(length, strlen(LINES[found]));
				found++;
			}
		}
		assert_int_equal(found, COUNT_OF(LINES));
		assert_int_equal(line_end(&reader, NULL), 0);
		line_reader_free(&reader);
	}
}

static void line_limit(void **state)
{
	struct line_reader reader = LINE_READER_INIT;
	struct err err = ERR_INIT;
	char *line;
	size_t length;
	char *big = xcalloc(PROTOCOL_LINE_MAX + 1, 1);
	(void)state;
	memset(big, 'x', PROTOCOL_LINE_MAX + 1);
	/* Exactly the limit is a line. */
	line_feed(&reader, big, PROTOCOL_LINE_MAX);
	assert_int_equal(line_next(&reader, &line, &length, &err), 0);
	line_feed(&reader, "\n", 1);
	assert_int_equal(line_next(&reader, &line, &length, &err), 1);
	assert_int_equal(length, PROTOCOL_LINE_MAX);
	/* One more is none, with or without its end, and nothing after it counts. */
	line_feed(&reader, big, PROTOCOL_LINE_MAX + 1);
	assert_int_equal(line_next(&reader, &line, &length, &err), -1);
	assert_string_equal(err.text, "a line of more than 4194304 bytes");
	line_feed(&reader, "\nok\n", 4);
	assert_int_equal(line_next(&reader, &line, &length, &err), -1);
	assert_string_equal(err.text, "the stream was given up after a line that is too long");
	line_reader_free(&reader);
	free(big);
}

static void end_in_the_middle(void **state)
{
	struct line_reader reader = LINE_READER_INIT;
	struct err err = ERR_INIT;
	char *line;
	size_t length;
	(void)state;
	line_feed(&reader, "whole\nhal", 9);
	assert_int_equal(line_next(&reader, &line, &length, &err), 1);
	assert_int_equal(line_next(&reader, &line, &length, &err), 0);
	assert_int_equal(line_end(&reader, &err), -1);
	assert_string_equal(err.text, "the stream ended in the middle of a line");
	line_reader_free(&reader);
}

#define STEP(rest) "{\"event\":\"step\",\"do\":\"create\",\"kind\":\"file\",\"id\":\"a\"," rest "}"
static void wrong_messages(void **state)
{
	static const struct {
		const char *line, *error;
	} CASES[] = {
		{ "Last login: Sat Nov 21", "not a line of the protocol: \"Last login: Sat Nov "
					    "21\": '[' or '{' expected near "
					    "'Last'" },
		{ "{\"event\":\"done\",\"kept\":1,\"kept\":1}",
		  "not a line of the protocol: \"{\"event\":\"done\",\"kept\":1,\"kept\":1}\": "
		  "duplicate object key near '\"kept\"'" },
		{ "{\"kept\":1}", "an object without \"event\"" },
		{ "{\"event\":\"dance\"}", "unknown event \"dance\"" },
		{ "{\"event\":\"done\"}", "event \"done\": \"kept\" is missing" },
		{ "{\"event\":\"done\",\"kept\":-1}",
		  "event \"done\": \"kept\" must be a number from 0" },
		{ "{\"event\":\"done\",\"kept\":\"1\"}",
		  "event \"done\": \"kept\" must be a number from 0" },
		{ "{\"event\":\"done\",\"kept\":1,\"lost\":1}",
		  "event \"done\": unknown field \"lost\"" },
		{ "{\"event\":\"hello\",\"protocol\":2,\"line_max\":1,\"build\":\"\",\"node\":"
		  "\"\"}",
		  "event \"hello\": the node speaks protocol 2, this program 1" },
		{ "{\"event\":\"exit\",\"code\":256}",
		  "event \"exit\": \"code\" must be 255 at most" },
		{ "{\"event\":\"output\",\"stream\":\"mid\",\"text\":\"\"}",
		  "event \"output\": \"stream\" must be out or err" },
		{ "{\"event\":\"output\",\"stream\":\"out\"}",
		  "event \"output\": must have either \"text\" or \"base64\"" },
		{ "{\"event\":\"output\",\"stream\":\"out\",\"base64\":\"%%%\"}",
		  "event \"output\": \"base64\" is not base64" },
		{ "{\"event\":\"step\",\"do\":\"destroy\",\"kind\":\"file\",\"id\":\"a\","
		  "\"digest\":\"absent\",\"changes\":[],\"loses_data\":false,\"needs\":[],"
		  "\"refused\":null}",
		  "event \"step\": \"do\" must be create, change, replace or remove, not "
		  "\"destroy\"" },
		{ STEP("\"digest\":\"1234\",\"changes\":[],\"loses_data\":false,\"needs\":[],"
		       "\"refused\":null"),
		  "event \"step\": \"digest\" must be \"absent\" or a sha256" },
		{ STEP("\"digest\":\"absent\",\"changes\":[{\"field\":\"a\",\"have\":null}],"
		       "\"loses_data\":false,\"needs\":[],\"refused\":null"),
		  "event \"step\": \"changes\": \"want\" is missing" },
		{ STEP("\"digest\":\"absent\",\"changes\":[7],"
		       "\"loses_data\":false,\"needs\":[],\"refused\":null"),
		  "event \"step\": \"changes\": must be an object" },
		{ STEP("\"digest\":\"absent\",\"changes\":[],\"loses_data\":0,\"needs\":[],"
		       "\"refused\":null"),
		  "event \"step\": \"loses_data\" must be true or false" },
		{ STEP("\"digest\":\"absent\",\"changes\":[],\"loses_data\":false,"
		       "\"needs\":[{\"node\":null,\"kind\":\"cake\",\"id\":\"a\"}],\"refused\":"
		       "null"),
		  "event \"step\": \"needs\": there is no kind \"cake\"" },
		{ STEP("\"digest\":\"absent\",\"changes\":[],\"loses_data\":false,"
		       "\"needs\":[{\"node\":null,\"kind\":\"file\",\"id\":\"a\",\"gone\":true}],"
		       "\"refused\":null"),
		  "event \"step\": \"needs\": \"gone\" without a node" },
		{ STEP("\"digest\":\"absent\",\"changes\":[],\"loses_data\":false,"
		       "\"needs\":[{\"node\":\"b\",\"kind\":\"file\",\"id\":\"a\",\"gone\":1}],"
		       "\"refused\":null"),
		  "event \"step\": \"needs\": \"gone\" must be true or false" },
		{ STEP("\"digest\":\"absent\",\"changes\":[],\"loses_data\":false,\"needs\":[]"),
		  "event \"step\": \"refused\" is missing" },
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(CASES); i++) {
		struct message message;
		struct err err = ERR_INIT;
		assert_int_equal(
			message_decode(CASES[i].line, strlen(CASES[i].line), &message, &err), -1);
		assert_string_equal(err.text, CASES[i].error);
	}
}

static void needs_gone_from_another_node(void **state)
{
	static const char LINE[] =
		STEP("\"digest\":\"absent\",\"changes\":[],\"loses_data\":false,\"needs\":["
		     "{\"node\":\"b\",\"kind\":\"file\",\"id\":\"a\",\"gone\":true},"
		     "{\"node\":\"b\",\"kind\":\"file\",\"id\":\"c\"}],\"refused\":null");
	struct message message;
	struct err err = ERR_INIT;
	(void)state;
	if (message_decode(LINE, sizeof(LINE) - 1, &message, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(message.step.needs.count, 2);
	assert_true(message.step.needs.items[0].gone);
	assert_string_equal(message.step.needs.items[0].node, "b");
	assert_false(message.step.needs.items[1].gone);
	message_free(&message);
}

/* What an error quotes is one line of printable UTF-8, whatever came. */
static void quoted_rubbish(void **state)
{
	static const char LINE[] = "\x1b[2J\xff\0\n\t";
	struct message message;
	struct err err = ERR_INIT;
	(void)state;
	assert_int_equal(message_decode(LINE, sizeof(LINE) - 1, &message, &err), -1);
	assert_true(text_starts(err.text, "not a line of the protocol: \" [2J\xEF\xBF\xBD"));
	assert_null(strchr(err.text, '\x1b'));
	assert_null(strchr(err.text, '\n'));
	assert_int_equal(utf8_valid_length(err.text, strlen(err.text)), strlen(err.text));
}

static void errors_need_not_be_utf8(void **state)
{
	AUTO_STR struct str line = STR_INIT;
	struct message message;
	(void)state;
	message_failed(&line, "file", "a", "tool: \xff\xc3 failed");
	assert_int_equal(message_decode(line.data, line.length - 1, &message, NULL), 0);
	assert_string_equal(message.error, "tool: \xEF\xBF\xBD\xEF\xBF\xBD failed");
	message_free(&message);
}

static void utf8(void **state)
{
	static const struct {
		const char *text;
		size_t valid;
		bool cut; /* what is behind the valid part */
	} CASES[] = {
		{ "", 0, false },
		{ "abc", 3, false },
		{ "\xc3\xa4", 2, false },
		{ "a\xc3", 1, true },
		{ "\xe6\xbc", 0, true },
		{ "\xe6\xbc\xa2", 3, false },
		{ "\xf0\x9f\x98", 0, true },
		{ "\xf0\x9f\x98\x80z", 5, false },
		{ "\xff", 0, false },
		{ "\x80", 0, false },
		{ "\xc0\xaf", 0, false },	  /* overlong */
		{ "\xe0\x80\xaf", 0, false },	  /* overlong */
		{ "\xed\xa0\x80", 0, false },	  /* surrogate */
		{ "\xf4\x90\x80\x80", 0, false }, /* above U+10FFFF */
		{ "\xc3z", 0, false },
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(CASES); i++) {
		size_t length = strlen(CASES[i].text);
		size_t valid = utf8_valid_length(CASES[i].text, length);
		assert_int_equal(valid, CASES[i].valid);
		assert_int_equal(utf8_is_cut(CASES[i].text + valid, length - valid), CASES[i].cut);
	}
}

static void requests_with_limits(void **state)
{
	AUTO_STR struct str out = STR_INIT;
	struct err err = ERR_INIT;
	char *argv[] = { (char[]){ "echo" }, (char[]){ "\xff" } };
	(void)state;
	assert_int_equal(request_run(&out, argv, 2, &err), -1);
	assert_string_equal(err.text, "argument 2 is not UTF-8");
	argv[1] = xcalloc(PROTOCOL_LINE_MAX + 1, 1);
	memset(argv[1], 'x', PROTOCOL_LINE_MAX);
	assert_int_equal(request_run(&out, argv, 2, &err), -1);
	assert_string_equal(err.text, "would be a line of more than 4194304 bytes");
	assert_int_equal(out.length, 0);
	free(argv[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_in_pieces_of_any_size),
		cmocka_unit_test(line_limit),
		cmocka_unit_test(end_in_the_middle),
		cmocka_unit_test(wrong_messages),
		cmocka_unit_test(needs_gone_from_another_node),
		cmocka_unit_test(quoted_rubbish),
		cmocka_unit_test(errors_need_not_be_utf8),
		cmocka_unit_test(utf8),
		cmocka_unit_test(requests_with_limits),
	};
	return cmocka_run_group_tests_name("protocol", tests, NULL, NULL);
}
