/* SPDX-License-Identifier: GPL-3.0-or-later */
/* copy: files that arrive as a whole or not at all. */
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
	assert_int_equal(file_make_dirs(machine.run, 0700, NULL), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	machine_end(&machine);
	return 0;
}

static size_t files_in(const char *dir)
{
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	assert_int_equal(file_list_dir(dir, &names, NULL), 0);
	return names.count;
}

/* A request and its bytes. */
static void add_file(struct str *input, const char *path, mode_t mode, const void *bytes,
		     size_t length)
{
	const struct request_file file = { .path = (char *)(size_t)path,
					   .name = (char *)(size_t) "name",
					   .mode = mode,
					   .bytes = length };
	assert_int_equal(request_file(input, &file, NULL), 0);
	str_add_bytes(input, bytes, length);
}

static void send(const struct str *input, size_t length, struct answer *answer)
{
	ask(&machine, &(struct start){ .verb = "copy" }, input->data, length, answer);
	assert_string_equal(answer->problem, "");
}

static void assert_file(const char *path, const void *bytes, size_t length, mode_t mode)
{
	AUTO_STR struct str text = STR_INIT;
	struct stat about;
	assert_int_equal(stat(path, &about), 0);
	assert_int_equal(about.st_mode & 07777, mode);
	assert_int_equal(file_read(path, 1 << 22, &text, NULL), 0);
	assert_int_equal(text.length, length);
	assert_memory_equal(str_text(&text), bytes, length);
}

static void assert_failed(const struct message *message, const char *error)
{
	assert_int_equal(message->type, MESSAGE_FAILED);
	assert_string_equal(message->error, error);
}

/* Larger than a pipe, with newlines and zero bytes in it. */
static void big(struct str *bytes)
{
	for (unsigned i = 0; i < 300000; i++) {
		char c = (char)(i * 7 % 251);
		str_add_bytes(bytes, i % 97 ? &c : "\n", 1);
	}
}

static void whole_files(void **state)
{
	AUTO_STR struct str bytes = STR_INIT;
	AUTO_STR struct str input = STR_INIT;
	AUTO_FREE char *path = xasprintf("%s/file", machine.run);
	AUTO_FREE char *inside = xasprintf("%s/name", machine.run);
	AUTO_FREE char *empty = xasprintf("%s/empty", machine.run);
	struct answer answer;
	(void)state;
	big(&bytes);
	add_file(&input, path, 0640, "old", 3);
	add_file(&input, path, 04755, bytes.data, bytes.length);
	add_file(&input, machine.run, 0600, "in a directory", 14);
	add_file(&input, empty, 0444, "", 0);
	request_end(&input);
	send(&input, input.length, &answer);
	assert_int_equal(answer.count, 6);
	for (size_t i = 1; i <= 4; i++)
		assert_int_equal(answer.items[i].type, MESSAGE_OK);
	assert_int_equal(answer_last(&answer)->type, MESSAGE_DONE);
	assert_int_equal(answer.exit_code, 0);
	answer_free(&answer);
	assert_file(path, bytes.data, bytes.length, 04755);
	assert_file(inside, "in a directory", 14, 0600);
	assert_file(empty, "", 0, 0444);
	assert_int_equal(files_in(machine.run), 3);
}

/* One that cannot be written takes no other with it. */
static void failed_files(void **state)
{
	AUTO_STR struct str bytes = STR_INIT;
	AUTO_STR struct str input = STR_INIT;
	AUTO_FREE char *missing = xasprintf("%s/none/", machine.run);
	AUTO_FREE char *no_parent = xasprintf("%s/none/file", machine.run);
	AUTO_FREE char *name = xasprintf("%s/name", machine.run);
	AUTO_FREE char *path = xasprintf("%s/file", machine.run);
	AUTO_FREE char *why = xasprintf("there is no directory %s", missing);
	AUTO_FREE char *why_parent = xasprintf("%s: No such file or directory", no_parent);
	AUTO_FREE char *why_directory = xasprintf("%s is a directory", name);
	struct answer answer;
	(void)state;
	big(&bytes);
	assert_int_equal(file_make_dirs(name, 0700, NULL), 0);
	add_file(&input, missing, 0600, bytes.data, bytes.length);
	add_file(&input, no_parent, 0600, bytes.data, bytes.length);
	add_file(&input, machine.run, 0600, "x", 1);
	add_file(&input, path, 0600, "good", 4);
	request_end(&input);
	send(&input, input.length, &answer);
	assert_int_equal(answer.count, 6);
	assert_failed(&answer.items[1], why);
	assert_failed(&answer.items[2], why_parent);
	assert_failed(&answer.items[3], why_directory);
	assert_int_equal(answer.items[4].type, MESSAGE_OK);
	assert_int_equal(answer_last(&answer)->type, MESSAGE_DONE);
	answer_free(&answer);
	assert_file(path, "good", 4, 0600);
	assert_int_equal(files_in(machine.run), 2);
}

static void out_of_space(void **state)
{
	AUTO_STR struct str bytes = STR_INIT;
	AUTO_STR struct str input = STR_INIT;
	AUTO_FREE char *path = xasprintf("%s/file", machine.run);
	struct answer answer;
	(void)state;
	big(&bytes);
	add_file(&input, path, 0600, bytes.data, bytes.length);
	request_end(&input);
	ask(&machine, &(struct start){ .verb = "copy", .run_dir_bytes = 64 * 1024 }, input.data,
	    input.length, &answer);
	assert_string_equal(answer.problem, "");
	assert_int_equal(answer.count, 3);
	assert_failed(&answer.items[1], "write: No space left on device");
	assert_int_equal(answer_last(&answer)->type, MESSAGE_DONE);
	answer_free(&answer);
}

/* Wherever the stream ends, the old file is there, or the new one. */
static void cut(void **state)
{
	AUTO_STR struct str input = STR_INIT;
	AUTO_FREE char *path = xasprintf("%s/file", machine.run);
	(void)state;
	add_file(&input, path, 0600, "new", 3);
	size_t whole = input.length;
	request_end(&input);
	for (size_t length = 0; length <= input.length; length++) {
		struct answer answer;
		assert_int_equal(file_write(path, "old", 3, 0644, NULL), 0);
		send(&input, length, &answer);
		assert_int_equal(answer_last(&answer)->type,
				 length == input.length ? MESSAGE_DONE : MESSAGE_ERROR);
		answer_free(&answer);
		assert_file(path, length < whole ? "old" : "new", 3, length < whole ? 0644 : 0600);
		assert_int_equal(files_in(machine.run), 1);
	}
}

static void killed(void **state)
{
	AUTO_STR struct str input = STR_INIT;
	AUTO_FREE char *path = xasprintf("%s/file", machine.run);
	struct answer answer;
	long point = 0;
	(void)state;
	add_file(&input, path, 0600, "new", 3);
	request_end(&input);
	for (int exit_code = 128 + SIGKILL; exit_code != 0;) {
		assert_int_equal(file_write(path, "old", 3, 0644, NULL), 0);
		ask(&machine, &(struct start){ .verb = "copy", .crash_at = ++point }, input.data,
		    input.length, &answer);
		exit_code = answer.exit_code;
		assert_true(exit_code == 0 || exit_code == 128 + SIGKILL);
		answer_free(&answer);
		assert_file(path, exit_code ? "old" : "new", 3, exit_code ? 0644 : 0600);
	}
	assert_true(point > 1);
}

static void wrong_requests(void **state)
{
	static const struct {
		const char *input, *error;
	} CASES[] = {
		{ "", "the stream ended before \"end\"" },
		{ "{\"argv\":[\"a\"]}\n", "\"file\" or \"end\" was expected" },
		{ "{\"file\":{\"path\":\"/a\"}}\n",
		  "\"file\" must be { path, name, mode, bytes }" },
		{ "{\"file\":{\"path\":\"a\",\"name\":\"a\",\"mode\":0,\"bytes\":0}}\n",
		  "\"path\" must begin with \"/\"" },
		{ "{\"file\":{\"path\":\"/a\",\"name\":\"..\",\"mode\":0,\"bytes\":0}}\n",
		  "\"name\" must be the name of a file" },
		{ "{\"file\":{\"path\":\"/a\",\"name\":\"a/b\",\"mode\":0,\"bytes\":0}}\n",
		  "\"name\" must be the name of a file" },
		{ "{\"file\":{\"path\":\"/a\",\"name\":\"a\",\"mode\":4096,\"bytes\":0}}\n",
		  "\"mode\" must be from 0 to 4095, and \"bytes\" not negative" },
		{ "{\"file\":{\"path\":\"/a\",\"name\":\"a\",\"mode\":0,\"bytes\":-1}}\n",
		  "\"mode\" must be from 0 to 4095, and \"bytes\" not negative" },
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(CASES); i++) {
		AUTO_STR struct str input = STR_INIT;
		struct answer answer;
		str_add(&input, CASES[i].input);
		send(&input, input.length, &answer);
		assert_int_equal(answer_last(&answer)->type, MESSAGE_ERROR);
		assert_string_equal(answer_last(&answer)->error, CASES[i].error);
		answer_free(&answer);
	}
}

int main(int argc, char **argv)
{
	(void)argc;
	machine_program(argv[0]);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(whole_files, setup, teardown),
		cmocka_unit_test_setup_teardown(failed_files, setup, teardown),
		cmocka_unit_test_setup_teardown(out_of_space, setup, teardown),
		cmocka_unit_test_setup_teardown(cut, setup, teardown),
		cmocka_unit_test_setup_teardown(killed, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_requests, setup, teardown),
	};
	return cmocka_run_group_tests_name("copy", tests, NULL, NULL);
}
