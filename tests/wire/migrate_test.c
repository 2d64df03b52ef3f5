/* SPDX-License-Identifier: GPL-3.0-or-later */
/* migrate and accept: a key for one move, let in for one command, and nothing left of it however it ends. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/wire/peer.h"

#define KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g"
#define OTHERS "ssh-ed25519 AAAA ann\n# moyai-migrate, of old\n"
static struct machine machine;
static char *keys; /* the file of who is let in */

static int setup(void **state)
{
	(void)state;
	machine_start(&machine);
	AUTO_FREE char *folder = xasprintf("%s/.ssh", machine.dir);
	keys = xasprintf("%s/authorized_keys", folder);
	assert_int_equal(file_make_dirs(folder, 0700, NULL), 0);
	assert_int_equal(file_write(keys, OTHERS, strlen(OTHERS), 0600, NULL), 0);
	setenv("HOME", machine.dir, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(keys);
	machine_end(&machine);
	return 0;
}

static void assert_keys(const char *expected)
{
	AUTO_STR struct str text = STR_INIT;
	struct stat about;
	assert_int_equal(file_read(keys, 1 << 16, &text, NULL), 0);
	assert_string_equal(str_text(&text), expected);
	assert_int_equal(stat(keys, &about), 0);
	assert_int_equal(about.st_mode & 07777, 0600);
}

static void box(struct str *line, const char *name)
{
	AUTO_FREE char *wants =
		xasprintf("[{\"kind\":\"box\",\"fields\":{\"name\":\"%s\"}}]", name);
	slice_line(line, wants, "[]", "[]");
}

static void add_accept(struct str *input)
{
	const struct request_peer peer = { .address = (char *)(size_t) "10.0.0.7",
					   .key = (char *)(size_t)KEY " moyai-migrate",
					   .seconds = 600 };
	request_accept(input, &peer);
}

static void add_migrate(struct str *input)
{
	const struct request_peer peer = { .address = (char *)(size_t) "10.0.0.8",
					   .key = (char *)(size_t)KEY };
	request_migrate(input, &peer);
}

/* ---- the node that it moves from ---- */

static void leaves(const char *name, struct answer *answer)
{
	AUTO_STR struct str input = STR_INIT;
	box(&input, name);
	add_migrate(&input);
	ask(&machine, &(struct start){ .verb = "migrate" }, input.data, input.length, answer);
	assert_string_equal(answer->problem, "");
}

static void assert_no_key(void)
{
	AUTO_FREE char *folder = xasprintf("%s/migrate", machine.run);
	assert_false(file_exists(folder));
}

static void test_leaves(void **state)
{
	struct answer answer;
	(void)state;
	leaves("a", &answer);
	assert_int_equal(answer_last(&answer)->type, MESSAGE_DONE);
	assert_int_equal(answer.items[1].type, MESSAGE_KEY);
	assert_memory_equal(answer.items[1].key, "ssh-ed25519 ", 12);
	assert_int_equal(answer_count(&answer, MESSAGE_PERCENT), 3);
	assert_int_equal(answer.items[3].percent, 50);
	assert_string_equal(machine_file(&machine, "wire", "a", "went"),
			    "10.0.0.8 1 10.0.0.8 " KEY "\n");
	assert_no_key();
	answer_free(&answer);
}

static void test_stays(void **state)
{
	struct answer answer;
	(void)state;
	leaves("heavy", &answer);
	assert_string_equal(answer_last(&answer)->error, "it is too heavy");
	assert_no_key();
	answer_free(&answer);
}

/* The other node did not let it in. */
static void test_end_of_file(void **state)
{
	AUTO_STR struct str input = STR_INIT;
	struct answer answer;
	(void)state;
	box(&input, "a");
	ask(&machine, &(struct start){ .verb = "migrate" }, input.data, input.length, &answer);
	assert_string_equal(answer_last(&answer)->error, "the stream ended before \"migrate\"");
	assert_no_key();
	answer_free(&answer);
	ask(&machine, &(struct start){ .verb = "accept" }, input.data, input.length, &answer);
	assert_string_equal(answer_last(&answer)->error, "the stream ended before \"accept\"");
	assert_keys(OTHERS);
	answer_free(&answer);
}

static void test_wrong(void **state)
{
	static const struct {
		const char *wants, *error;
	} CASES[] = {
		{ "[]", "one resource alone can move at a time" },
		{ "[{\"kind\":\"box\",\"fields\":{\"name\":\"a\"}},"
		  "{\"kind\":\"box\",\"fields\":{\"name\":\"b\"}}]",
		  "one resource alone can move at a time" },
		{ "[{\"kind\":\"file\",\"fields\":{\"name\":\"a\"}}]",
		  "a file does not move from node to node" },
	};
	(void)state;
	for (size_t i = 0; i < 2 * COUNT_OF(CASES); i++) {
		AUTO_STR struct str input = STR_INIT;
		struct answer answer;
		slice_line(&input, CASES[i / 2].wants, "[]", "[]");
		ask(&machine, &(struct start){ .verb = i % 2 ? "accept" : "migrate" }, input.data,
		    input.length, &answer);
		assert_string_equal(answer_last(&answer)->error, CASES[i / 2].error);
		answer_free(&answer);
	}
	assert_keys(OTHERS);
	assert_no_key();
}

/* ---- the node that it moves to ---- */

/* Up to `ready`. */
static void begin_accept(struct peer *peer)
{
	AUTO_STR struct str input = STR_INIT;
	struct message message;
	box(&input, "a");
	add_accept(&input);
	peer_start(peer, &machine, &(struct start){ .verb = "accept" });
	peer_expect(peer, MESSAGE_HELLO, &message);
	message_free(&message);
	peer_write(peer, input.data, input.length);
	peer_expect(peer, MESSAGE_READY, &message);
	message_free(&message);
}

static void assert_let_in(void)
{
	static const char BEGIN[] =
		OTHERS "restrict,command=\"/usr/bin/take-boxes in\",from=\"10.0.0.7\","
		       "expiry-time=\"";
	static const char END[] = "Z\" " KEY " moyai-migrate\n";
	AUTO_STR struct str text = STR_INIT;
	assert_int_equal(file_read(keys, 1 << 16, &text, NULL), 0);
	assert_int_equal(text.length, strlen(BEGIN) + strlen("20261130235959") + strlen(END));
	assert_memory_equal(text.data, BEGIN, strlen(BEGIN));
	assert_true(text_ends(str_text(&text), END));
	assert_string_equal(machine_file(&machine, "wire", "a", "expected"), "expected");
}

static void assert_nobody(void)
{
	assert_keys(OTHERS);
	assert_string_equal(machine_file(&machine, "wire", "a", "expected"), "(none)");
}

static void test_accepts(void **state)
{
	AUTO_STR struct str line = STR_INIT;
	struct peer peer;
	struct message message;
	(void)state;
	begin_accept(&peer);
	assert_let_in();
	request_end(&line);
	peer_write(&peer, line.data, line.length);
	peer_expect(&peer, MESSAGE_DONE, &message);
	message_free(&message);
	assert_int_equal(peer_wait(&peer), 0);
	assert_nobody();
	assert_string_equal(machine_file(&machine, "wire", "a", "arrived"), "arrived");
}

static void test_cut(void **state)
{
	struct peer peer;
	struct message message;
	(void)state;
	begin_accept(&peer);
	peer_end_input(&peer);
	peer_expect(&peer, MESSAGE_ERROR, &message);
	assert_string_equal(message.error, "the stream ended before \"end\"");
	message_free(&message);
	assert_int_equal(peer_wait(&peer), 1);
	assert_nobody();
	assert_string_equal(machine_file(&machine, "wire", "a", "arrived"), "(none)");
}

/* What is left of it the next one takes away. */
static void test_killed(void **state)
{
	struct peer peer;
	(void)state;
	begin_accept(&peer);
	kill(peer.pid, SIGKILL);
	assert_int_equal(peer_wait(&peer), 128 + SIGKILL);
	assert_let_in();
	test_accepts(state);
}

/* Two at once: nobody changes what a guest stands on. */
static void test_locked(void **state)
{
	struct peer peer;
	struct answer answer;
	(void)state;
	begin_accept(&peer);
	leaves("a", &answer);
	assert_true(text_starts(answer_last(&answer)->error,
				"another apply is at work on this node: "));
	answer_free(&answer);
	peer_end_input(&peer);
	assert_int_equal(peer_wait(&peer), 1);
	assert_nobody();
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_leaves),  TEST(test_stays), TEST(test_wrong),	 TEST(test_end_of_file),
		TEST(test_accepts), TEST(test_cut),   TEST(test_killed), TEST(test_locked),
	};
	(void)argc;
	machine_program(argv[0]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
