/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hello, builds, requests that are wrong, run. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/wire/peer.h"

static struct machine machine;

static int setup(void **state)
{
	(void)state;
	machine_start(&machine);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	machine_end(&machine);
	return 0;
}

static void ask_text(const char *verb, const char *input, struct answer *answer)
{
	ask(&machine, &(struct start){ .verb = verb }, input, strlen(input), answer);
	assert_string_equal(answer->problem, "");
}

/* The last message is this error, and the exit code says so too. */
static void assert_error(const struct answer *answer, const char *text)
{
	const struct message *last = answer_last(answer);
	assert_non_null(last);
	assert_string_equal(message_type_text(last->type), "error");
	assert_string_equal(last->error, text);
	assert_int_equal(answer->exit_code, 1);
}

static void hello_comes_first(void **state)
{
	struct answer answer;
	(void)state;
	ask_text("facts", "", &answer);
	assert_int_equal(answer.count, 3);
	assert_int_equal(answer.items[0].type, MESSAGE_HELLO);
	assert_int_equal(answer.items[0].protocol, PROTOCOL_VERSION);
	assert_int_equal(answer.items[0].line_max, PROTOCOL_LINE_MAX);
	assert_string_equal(answer.items[0].build, machine.build);
	assert_false(answer.items[0].build_wanted);
	assert_int_equal(answer.items[1].type, MESSAGE_FACTS);
	assert_int_equal(json_integer_value(json_object_get(answer.items[1].facts, "answer")), 42);
	assert_int_equal(answer.items[2].type, MESSAGE_DONE);
	assert_int_equal(answer.exit_code, 0);
	answer_free(&answer);
}

static void status_is_facts_and_plan(void **state)
{
	AUTO_STR struct str slice = STR_INIT;
	struct answer answer;
	(void)state;
	slice_line(&slice, "[{\"kind\":\"file\",\"fields\":{\"name\":\"a\"}}]", "[]", "[]");
	ask_text("status", str_text(&slice), &answer);
	assert_int_equal(answer.count, 4);
	assert_int_equal(answer.items[1].type, MESSAGE_FACTS);
	assert_int_equal(answer.items[2].type, MESSAGE_STEP);
	assert_int_equal(answer.items[3].type, MESSAGE_DONE);
	answer_free(&answer);
}

static void wrong_command_lines(void **state)
{
	struct answer answer;
	(void)state;
	ask(&machine, &(struct start){ .verb = "facts", .build = "../../x" }, "", 0, &answer);
	assert_error(&answer, "BUILD must be a sha256, not \"../../x\"");
	answer_free(&answer);
	ask(&machine, &(struct start){ .verb = "dance" }, "", 0, &answer);
	assert_error(&answer, "unknown verb \"dance\"");
	answer_free(&answer);
}

static void wrong_requests(void **state)
{
	static const struct {
		const char *verb, *input, *error;
	} CASES[] = {
		{ "plan", "", "the stream ended before \"slice\"" },
		{ "plan", "{\"slice\":", "the stream ended in the middle of a line" },
		{ "plan", "hello\n",
		  "not a line of the protocol: \"hello\": '[' or '{' expected near 'hello'" },
		{ "plan", "[]\n", "not a line of the protocol: \"[]\": not an object" },
		{ "plan", "{}\n",
		  "a request has one field: slice, go, end, argv, file, arm, confirm, ask, accept "
		  "or migrate" },
		{ "plan", "{\"end\":true,\"argv\":[\"a\"]}\n",
		  "a request has one field: slice, go, end, argv, file, arm, confirm, ask, accept "
		  "or migrate" },
		{ "plan", "{\"sliced\":{}}\n", "unknown request \"sliced\"" },
		{ "plan", "{\"end\":true}\n", "\"end\" came where \"slice\" was expected" },
		{ "plan", "{\"end\":1}\n", "\"end\" must be true" },
		{ "apply", "{\"argv\":[\"a\"]}\n", "\"argv\" came where \"slice\" was expected" },
		{ "run", "{\"argv\":[]}\n",
		  "\"argv\" must be a list of text with one item at least" },
		{ "run", "{\"argv\":[\"a\",1]}\n", "\"argv\" must be a list of text" },
		{ "apply", "{\"go\":{\"kind\":\"file\",\"id\":\"a\"}}\n",
		  "\"go\": \"digest\" is missing" },
		{ "apply", "{\"go\":{\"kind\":\"file\",\"id\":\"a\",\"digest\":\"x\"}}\n",
		  "\"go\": \"digest\" must be \"absent\", a sha256 or null" },
		{ "apply", "{\"go\":{\"kind\":\"file\",\"id\":7,\"digest\":null}}\n",
		  "\"go\": \"id\" must be text" },
		{ "apply", "{\"go\":{\"kind\":\"file\",\"id\":\"\",\"digest\":null,\"force\":1}}\n",
		  "\"go\": unknown field \"force\"" },
		{ "apply", "{\"arm\":{\"token\":\"a\",\"seconds\":0}}\n",
		  "\"arm\": \"seconds\" must be from 1 to 3600" },
		{ "apply", "{\"arm\":{\"token\":7,\"seconds\":1}}\n",
		  "\"arm\": \"token\" must be text" },
		{ "confirm", "{\"confirm\":true}\n", "\"confirm\" must be text" },
		{ "confirm", "{\"end\":true}\n", "\"end\" came where \"confirm\" was expected" },
		{ "accept", "{\"accept\":{\"from\":\"x\",\"key\":\"k\",\"seconds\":1}}\n",
		  "\"accept\": the address of the other node must be one of IPv4" },
		{ "accept", "{\"accept\":{\"from\":\"10.0.0.1\",\"key\":\"k\",\"seconds\":1}}\n",
		  "\"accept\": the key of the other node must be a public ssh key" },
		{ "accept",
		  "{\"accept\":{\"from\":\"10.0.0.1\",\"key\":\"k\",\"seconds\":604801}}\n",
		  "\"accept\": \"seconds\" must be from 1 to 604800" },
		{ "migrate", "{\"migrate\":{\"to\":\"10.0.0.1\"}}\n",
		  "\"migrate\": \"host_key\" is missing" },
		{ "migrate", "{\"migrate\":{\"to\":\"10.0.0.1\\n\",\"host_key\":\"k\"}}\n",
		  "\"migrate\": the address of the other node must be one of IPv4" },
		{ "plan", "{\"confirm\":\"a\"}\n",
		  "\"confirm\" came where \"slice\" was expected" },
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(CASES); i++) {
		struct answer answer;
		ask_text(CASES[i].verb, CASES[i].input, &answer);
		assert_error(&answer, CASES[i].error);
		answer_free(&answer);
	}
	assert_false(file_exists(machine.run));
}

static void endless_line(void **state)
{
	AUTO_STR struct str input = STR_INIT;
	struct answer answer;
	(void)state;
	str_add(&input, "{\"slice\":\"");
	for (int i = 0; i < 5 * 1024; i++) {
		static const char KIBIBYTE[1024] = { [0 ... 1023] = 'x' };
		str_add_bytes(&input, KIBIBYTE, sizeof(KIBIBYTE));
	}
	ask(&machine, &(struct start){ .verb = "plan" }, input.data, input.length, &answer);
	assert_error(&answer, "a line of more than 4194304 bytes");
	answer_free(&answer);
}

/* --- builds ------------------------------------------------------------- */

/* Another build: the same program with a byte behind its end. */
static void other_build(struct str *bytes, char hex[HASH_HEX_SIZE])
{
	assert_int_equal(file_read(machine_program_path(), 1 << 26, bytes, NULL), 0);
	str_add_bytes(bytes, "x", 1);
	assert_int_equal(hash_bytes_hex(bytes->data, bytes->length, hex, NULL), 0);
}

static size_t files_in_run(void)
{
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	assert_int_equal(file_list_dir(machine.run, &names, NULL), 0);
	return names.count;
}

static void other_build_is_wanted(const char *hex)
{
	struct answer answer;
	ask(&machine, &(struct start){ .verb = "facts", .build = hex }, "", 0, &answer);
	assert_string_equal(answer.problem, "");
	assert_int_equal(answer.count, 1);
	assert_int_equal(answer.items[0].type, MESSAGE_HELLO);
	assert_true(answer.items[0].build_wanted);
	assert_string_equal(answer.items[0].build, machine.build);
	assert_int_equal(answer.exit_code, 0);
	answer_free(&answer);
}

static void other_build_answers(const char *hex)
{
	struct answer answer;
	ask(&machine, &(struct start){ .verb = "facts", .build = hex }, "", 0, &answer);
	assert_int_equal(answer.count, 3);
	assert_string_equal(answer.items[0].build, hex);
	assert_false(answer.items[0].build_wanted);
	assert_int_equal(answer.items[2].type, MESSAGE_DONE);
	answer_free(&answer);
}

static void receive_and_execute(void **state)
{
	AUTO_STR struct str bytes = STR_INIT;
	char hex[HASH_HEX_SIZE];
	struct answer answer;
	(void)state;
	other_build(&bytes, hex);
	other_build_is_wanted(hex);
	ask(&machine, &(struct start){ .verb = "receive", .build = hex }, bytes.data, bytes.length,
	    &answer);
	assert_int_equal(answer.count, 2);
	assert_int_equal(answer.items[0].type, MESSAGE_HELLO);
	assert_int_equal(answer.items[1].type, MESSAGE_DONE);
	assert_int_equal(answer.exit_code, 0);
	answer_free(&answer);
	assert_int_equal(files_in_run(), 1);
	other_build_answers(hex);
}

/* A build that was damaged on the node is not executed but sent again. */
static void damaged_build(void **state)
{
	AUTO_STR struct str bytes = STR_INIT;
	char hex[HASH_HEX_SIZE];
	struct answer answer;
	(void)state;
	other_build(&bytes, hex);
	AUTO_FREE char *path = xasprintf("%s/moyai-node-%s", machine.run, hex);
	assert_int_equal(file_make_dirs(machine.run, 0700, NULL), 0);
	assert_int_equal(file_write(path, bytes.data, bytes.length - 2, 0700, NULL), 0);
	other_build_is_wanted(hex);
	ask(&machine, &(struct start){ .verb = "receive", .build = hex }, bytes.data, bytes.length,
	    &answer);
	assert_int_equal(answer_last(&answer)->type, MESSAGE_DONE);
	answer_free(&answer);
	other_build_answers(hex);
}

static void receive_what_is_not_it(void **state)
{
	AUTO_STR struct str bytes = STR_INIT;
	char hex[HASH_HEX_SIZE];
	char got[HASH_HEX_SIZE];
	(void)state;
	other_build(&bytes, hex);
	/* Cut: nothing, a byte, a half, all but one; and one byte too many. */
	const size_t lengths[] = { 0, 1, bytes.length / 2, bytes.length - 1, bytes.length + 1 };
	str_add_bytes(&bytes, "y", 1);
	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		struct answer answer;
		hash_bytes_hex(bytes.data, lengths[i], got, NULL);
		AUTO_FREE char *text = xasprintf("received a file with sha256 %s, not %s: cut off "
						 "or damaged",
						 got, hex);
		ask(&machine, &(struct start){ .verb = "receive", .build = hex }, bytes.data,
		    lengths[i], &answer);
		assert_error(&answer, text);
		answer_free(&answer);
		assert_int_equal(files_in_run(), 0);
	}
	other_build_is_wanted(hex);
}

static void receive_out_of_space(void **state)
{
	AUTO_STR struct str bytes = STR_INIT;
	char hex[HASH_HEX_SIZE];
	struct answer answer;
	(void)state;
	other_build(&bytes, hex);
	ask(&machine,
	    &(struct start){ .verb = "receive", .build = hex, .run_dir_bytes = 16 * 1024 },
	    bytes.data, bytes.length, &answer);
	AUTO_FREE char *text = xasprintf("%s: write: No space left on device", machine.run);
	assert_error(&answer, text);
	answer_free(&answer);
}

static void receive_killed(void **state)
{
	AUTO_STR struct str bytes = STR_INIT;
	char hex[HASH_HEX_SIZE];
	struct answer answer;
	long point = 0;
	(void)state;
	other_build(&bytes, hex);
	for (int exit_code = 128 + SIGKILL; exit_code != 0;) {
		struct start start = { .verb = "receive", .build = hex, .crash_at = ++point };
		ask(&machine, &start, bytes.data, bytes.length, &answer);
		exit_code = answer.exit_code;
		assert_true(exit_code == 0 || exit_code == 128 + SIGKILL);
		answer_free(&answer);
		if (exit_code != 0)
			other_build_is_wanted(hex);
	}
	print_message("# receive: killed at %ld points\n", point - 1);
	assert_true(point > 1);
	other_build_answers(hex);
	/* Killed or not, nothing is beside it. */
	assert_int_equal(files_in_run(), 1);
}

/* --- run ---------------------------------------------------------------- */

static void run_text(const char *const *argv, struct answer *answer, struct str *out,
		     struct str *error)
{
	AUTO_STR struct str input = STR_INIT;
	size_t count = 0;
	while (argv[count])
		count++;
	assert_int_equal(request_run(&input, (char *const *)(const void *)argv, count, NULL), 0);
	ask(&machine, &(struct start){ .verb = "run" }, input.data, input.length, answer);
	assert_string_equal(answer->problem, "");
	for (size_t i = 0; i < answer->count; i++) {
		const struct message *message = &answer->items[i];
		if (message->type == MESSAGE_OUTPUT)
			str_add_bytes(message->is_stderr ? error : out, message->output.data,
				      message->output.length);
	}
}

#define ARGV(...) ((const char *const[]){ __VA_ARGS__, NULL })
static void assert_run(const char *const *argv, const char *out_text, const char *error_text,
		       int code)
{
	AUTO_STR struct str out = STR_INIT;
	AUTO_STR struct str error = STR_INIT;
	struct answer answer;
	run_text(argv, &answer, &out, &error);
	assert_string_equal(str_text(&out), out_text);
	assert_string_equal(str_text(&error), error_text);
	assert_true(answer.count >= 3);
	assert_int_equal(answer.items[answer.count - 2].type, MESSAGE_EXIT);
	assert_int_equal(answer.items[answer.count - 2].exit_code, code);
	assert_int_equal(answer_last(&answer)->type, MESSAGE_DONE);
	assert_int_equal(answer.exit_code, 0);
	answer_free(&answer);
}

static void run_commands(void **state)
{
	(void)state;
	assert_run(ARGV("printf", "%s|", "a b", "$(id)", "\"'`\\", "x\ny", "ä"),
		   "a b|$(id)|\"'`\\|x\ny|ä|", "", 0);
	assert_run(ARGV("sh", "-c", "echo out; echo err >&2; exit 3"), "out\n", "err\n", 3);
	assert_run(ARGV("sh", "-c", "kill -TERM $$"), "", "", 128 + SIGTERM);
	assert_run(ARGV("no-such-command"), "",
		   "moyai: no-such-command: No such file or directory\n", 127);
	assert_run(ARGV("cat"), "", "", 0);
	/* It has nothing open but its three; ls has the folder that it reads, too. */
	assert_run(ARGV("ls", "/proc/self/fd"), "0\n1\n2\n3\n", "", 0);
	/* A daemon that keeps the pipe open is not waited for. */
	assert_run(ARGV("sh", "-c", "sleep 100 & echo $! > \"$MOYAI_WIRE_DIR/pid\"; echo up"),
		   "up\n", "", 0);
	AUTO_FREE char *path = xasprintf("%s/pid", machine.state);
	AUTO_STR struct str pid = STR_INIT;
	assert_int_equal(file_read(path, 32, &pid, NULL), 0);
	assert_int_equal(kill((pid_t)strtol(str_text(&pid), NULL, 10), SIGKILL), 0);
}

/* Any bytes arrive as they were written, and characters are not cut apart. */
static void run_output_bytes(void **state)
{
	AUTO_STR struct str out = STR_INIT;
	AUTO_STR struct str error = STR_INIT;
	struct answer answer;
	(void)state;
	run_text(
		ARGV("sh", "-c",
		     "printf '\\303'; sleep 0.1; printf '\\244 \\000 \\377 \\355\\240\\200 \\303'"),
		&answer, &out, &error);
	assert_int_equal(out.length, 12);
	assert_memory_equal(out.data, "\303\244 \000 \377 \355\240\200 \303", 12);
	answer_free(&answer);
	str_clear(&out);
	run_text(ARGV("sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' z; echo end"), &answer,
		 &out, &error);
	assert_int_equal(out.length, 3000004);
	assert_int_equal(strspn(str_text(&out), "z"), 3000000);
	assert_string_equal(str_text(&error), "");
	answer_free(&answer);
}

/* Who asked went away: the command is ended, with all that it started. */
static void run_reader_gone(void **state)
{
	static const char INPUT[] = "{\"argv\":[\"sh\",\"-c\",\"trap 'echo t > "
				    "\\\"$MOYAI_WIRE_DIR/ended\\\"; exit' TERM; echo up; "
				    "while :; do sleep 0.05; done\"]}\n";
	struct peer peer;
	struct message message;
	(void)state;
	peer_start(&peer, &machine, &(struct start){ .verb = "run" });
	peer_write(&peer, INPUT, strlen(INPUT));
	peer_expect(&peer, MESSAGE_HELLO, &message);
	message_free(&message);
	peer_expect(&peer, MESSAGE_OUTPUT, &message);
	message_free(&message);
	close(peer.out);
	peer.out = -1;
	assert_int_equal(peer_wait(&peer), 1);
	AUTO_FREE char *path = xasprintf("%s/ended", machine.state);
	assert_true(file_exists(path));
}

int main(int argc, char **argv)
{
	(void)argc;
	machine_program(argv[0]);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(hello_comes_first, setup, teardown),
		cmocka_unit_test_setup_teardown(status_is_facts_and_plan, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_command_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_requests, setup, teardown),
		cmocka_unit_test_setup_teardown(endless_line, setup, teardown),
		cmocka_unit_test_setup_teardown(receive_and_execute, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_build, setup, teardown),
		cmocka_unit_test_setup_teardown(receive_what_is_not_it, setup, teardown),
		cmocka_unit_test_setup_teardown(receive_out_of_space, setup, teardown),
		cmocka_unit_test_setup_teardown(receive_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(run_commands, setup, teardown),
		cmocka_unit_test_setup_teardown(run_output_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(run_reader_gone, setup, teardown),
	};
	return cmocka_run_group_tests_name("conversation", tests, NULL, NULL);
}
