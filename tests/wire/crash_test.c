/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The stream cut at every byte, in both directions, and moyai-node killed at
 * every crash point. Whatever state that leaves, the next run comes to the
 * wanted one, and data that nobody agreed to lose is there.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/run.h"
#include "tests/wire/peer.h"

/* A stream is cut at every so many bytes. Every one takes minutes on a loaded
   machine: MOYAI_TEST_EVERY=1, as `make test` sets it. The points of a kill are
   few, and none is left out. A sanitized moyai-node takes ten times as long to
   start; what is looked for with it are mistakes of memory, and those do not
   hide from every seventh of both. */
enum { EVERY_BYTES = 13, EVERY_SANITIZED = 7 };
#ifdef __SANITIZE_ADDRESS__
static const bool SANITIZED = true;
#else
static const bool SANITIZED = false;
#endif

static size_t every_bytes(void)
{
	const char *text = getenv("MOYAI_TEST_EVERY");
	long every = text ? strtol(text, NULL, 10) : EVERY_BYTES;
	if (SANITIZED && every < EVERY_SANITIZED)
		every = EVERY_SANITIZED;
	assert_true(every > 0);
	return (size_t)every;
}

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

/* A box with data in it grows, another is made anew, files are made, changed
   and removed: every action there is. */
static const char BEFORE[] =
	"[{\"kind\":\"file\",\"fields\":{\"name\":\"a\",\"content\":\"x\",\"mode\":1}},"
	"{\"kind\":\"file\",\"fields\":{\"name\":\"old\",\"content\":\"o\"}},"
	"{\"kind\":\"box\",\"fields\":{\"name\":\"keep\",\"file\":\"a\",\"size\":1024}},"
	"{\"kind\":\"box\",\"fields\":{\"name\":\"anew\",\"file\":\"a\",\"shape\":\"r\"}}]";
static const char AFTER[] =
	"[{\"kind\":\"file\",\"fields\":{\"name\":\"a\",\"content\":\"y\",\"mode\":2}},"
	"{\"kind\":\"file\",\"fields\":{\"name\":\"new\",\"content\":\"$(n)\"}},"
	"{\"kind\":\"box\",\"fields\":{\"name\":\"keep\",\"file\":\"a\",\"size\":2048}},"
	"{\"kind\":\"box\",\"fields\":{\"name\":\"anew\",\"file\":\"a\",\"shape\":\"f\"}},"
	"{\"kind\":\"slow\",\"fields\":{\"name\":\"s\",\"value\":\"v\",\"delay\":0}}]";

static void reset(void)
{
	AUTO_STR struct str slice = STR_INIT;
	machine_clear(&machine);
	slice_line(&slice, BEFORE, "[]", "[]");
	converge(&machine, &slice);
	machine_write(&machine, "box", "keep", "data", "precious");
	machine_write(&machine, "box", "anew", "data", "given up");
}

static void assert_after(void)
{
	assert_string_equal(machine_file(&machine, "file", "a", "argument"), "y");
	assert_string_equal(machine_file(&machine, "file", "a", "mode"), "2");
	assert_string_equal(machine_file(&machine, "file", "new", "argument"), "$(n)");
	assert_string_equal(machine_file(&machine, "file", "old", "mark"), "(none)");
	assert_string_equal(machine_file(&machine, "box", "keep", "size"), "2048");
	assert_string_equal(machine_file(&machine, "box", "keep", "data"), "precious");
	assert_string_equal(machine_file(&machine, "box", "anew", "shape"), "\"f\"");
	assert_string_equal(machine_file(&machine, "box", "anew", "data"), "");
	assert_string_equal(machine_file(&machine, "slow", "s", "value"), "\"v\"");
}

/* The machine as a copy, to begin many times from the same state. */
struct saved {
	char *dir;
};
static void save(struct saved *saved)
{
	saved->dir = xasprintf("%s/saved", machine.dir);
	assert_int_equal(run_args(NULL, "cp", "-a", "--", machine.state, saved->dir, (char *)NULL),
			 0);
}
static void restore(const struct saved *saved)
{
	AUTO_FREE char *from = xasprintf("%s/.", saved->dir);
	machine_clear(&machine);
	assert_int_equal(run_args(NULL, "cp", "-a", "--", from, machine.state, (char *)NULL), 0);
}

static void after_slice(struct str *slice)
{
	slice_line(slice, AFTER, "[\"box/anew\"]", "[\"store1\"]");
}

/* Converge from the state that is there, once for each different one: what
   follows depends on the state alone. */
static void check_state(const struct str *slice, struct text_list *seen)
{
	char hex[HASH_HEX_SIZE];
	machine_hash(&machine, hex);
	if (text_list_has(seen, hex))
		return;
	text_list_add(seen, hex);
	converge(&machine, slice);
	assert_after();
}

static void killed_at_every_point(void **state)
{
	AUTO_STR struct str slice = STR_INIT;
	AUTO_STR struct str input = STR_INIT;
	AUTO_STR struct str points = STR_INIT;
	AUTO_FREE char *points_file = xasprintf("%s/points", machine.dir);
	AUTO_LIST struct text_list seen = TEXT_LIST_INIT;
	struct answer answer;
	struct saved before;
	long count = 0;
	(void)state;
	reset();
	save(&before);
	after_slice(&slice);
	plan_of(&machine, &slice, &answer);
	assert_int_equal(answer_count(&answer, MESSAGE_STEP), 6);
	apply_input(&slice, &answer, &input);
	answer_free(&answer);
	/* plan passes no point: it changes nothing. */
	ask(&machine, &(struct start){ .verb = "plan", .points_file = points_file }, slice.data,
	    slice.length, &answer);
	answer_free(&answer);
	assert_false(file_exists(points_file));
	ask(&machine, &(struct start){ .verb = "apply", .points_file = points_file }, input.data,
	    input.length, &answer);
	assert_int_equal(answer_last(&answer)->type, MESSAGE_DONE);
	assert_int_equal(answer_count(&answer, MESSAGE_OK), 6);
	answer_free(&answer);
	assert_after();
	assert_int_equal(file_read(points_file, 1 << 20, &points, NULL), 0);
	for (size_t i = 0; i < points.length; i++)
		count += points.data[i] == '\n';
	assert_true(count > 30);
	long every = SANITIZED ? EVERY_SANITIZED : 1;
	for (long point = 1; point <= count; point += every) {
		restore(&before);
		ask(&machine, &(struct start){ .verb = "apply", .crash_at = point }, input.data,
		    input.length, &answer);
		assert_int_equal(answer.exit_code, 128 + SIGKILL);
		assert_int_equal(answer_count(&answer, MESSAGE_DONE), 0);
		answer_free(&answer);
		check_state(&slice, &seen);
	}
	print_message("# killed at %ld of %ld points, %zu different states, all came to the "
		      "wanted one\n",
		      (count + every - 1) / every, count, seen.count);
	free(before.dir);
}

/* moyai's side dies after it has sent k bytes. */
static void input_cut_at_every_byte(void **state)
{
	AUTO_STR struct str slice = STR_INIT;
	AUTO_STR struct str input = STR_INIT;
	AUTO_LIST struct text_list seen = TEXT_LIST_INIT;
	struct answer answer;
	struct saved before;
	char unchanged[HASH_HEX_SIZE];
	size_t every = every_bytes();
	(void)state;
	reset();
	save(&before);
	machine_hash(&machine, unchanged);
	after_slice(&slice);
	plan_of(&machine, &slice, &answer);
	apply_input(&slice, &answer, &input);
	answer_free(&answer);
	for (size_t cut = 0; cut < input.length; cut += every) {
		char hex[HASH_HEX_SIZE];
		ask(&machine, &(struct start){ .verb = "apply" }, input.data, cut, &answer);
		assert_string_equal(answer.problem, "");
		assert_int_equal(answer_last(&answer)->type, MESSAGE_ERROR);
		assert_int_equal(answer.exit_code, 1);
		answer_free(&answer);
		machine_hash(&machine, hex);
		if (cut < slice.length)
			assert_string_equal(hex, unchanged);
		if (strcmp(hex, unchanged) == 0)
			continue;
		check_state(&slice, &seen);
		restore(&before);
	}
	print_message("# input of %zu bytes cut in steps of %zu, %zu different states\n",
		      input.length, every, seen.count);
	/* One for each step that was said. */
	assert_int_equal(seen.count, 6);
	free(before.dir);
}

/* moyai as it really goes: one `go` after the other has come true, and gone
   after it has read k bytes. Returns how many bytes there were to read. */
static size_t apply_until(const struct str *input, size_t limit)
{
	struct peer peer;
	size_t got_bytes = 0;
	const char *at = input->data;
	peer_start(&peer, &machine, &(struct start){ .verb = "apply" });
	/* hello lets the slice and the first step go. */
	int lines_to_send = 2;
	int lines_read = 0;
	while (got_bytes < limit) {
		char byte;
		for (; lines_to_send > 0 && *at; lines_to_send--) {
			const char *end = strchr(at, '\n') + 1;
			peer_write(&peer, at, (size_t)(end - at));
			at = end;
		}
		if (read(peer.out, &byte, 1) != 1)
			break;
		got_bytes++;
		if (byte == '\n' && ++lines_read > 1 && lines_read % 2 == 1)
			lines_to_send = 1;
	}
	close(peer.out);
	peer.out = -1;
	peer_wait(&peer);
	return got_bytes;
}

static void output_cut_at_every_byte(void **state)
{
	AUTO_STR struct str slice = STR_INIT;
	AUTO_STR struct str input = STR_INIT;
	AUTO_LIST struct text_list seen = TEXT_LIST_INIT;
	struct answer answer;
	struct saved before;
	char unchanged[HASH_HEX_SIZE];
	size_t every = every_bytes();
	(void)state;
	reset();
	save(&before);
	after_slice(&slice);
	plan_of(&machine, &slice, &answer);
	apply_input(&slice, &answer, &input);
	answer_free(&answer);
	size_t length = apply_until(&input, SIZE_MAX);
	assert_after();
	restore(&before);
	machine_hash(&machine, unchanged);
	for (size_t cut = 0; cut < length; cut += every) {
		char hex[HASH_HEX_SIZE];
		apply_until(&input, cut);
		machine_hash(&machine, hex);
		if (strcmp(hex, unchanged) == 0)
			continue;
		check_state(&slice, &seen);
		restore(&before);
	}
	print_message("# output of %zu bytes cut in steps of %zu, %zu different states\n", length,
		      every, seen.count);
	assert_true(seen.count >= 5);
	free(before.dir);
}

/* The other end of the same: no beginning of a stream looks like a whole one. */
static void cut_plan_is_not_a_plan(void **state)
{
	AUTO_STR struct str slice = STR_INIT;
	struct answer plan;
	(void)state;
	reset();
	after_slice(&slice);
	plan_of(&machine, &slice, &plan);
	for (size_t cut = 0; cut < plan.raw.length; cut++) {
		struct line_reader reader = LINE_READER_INIT;
		char *line;
		size_t length;
		bool done = false;
		line_feed(&reader, plan.raw.data, cut);
		while (line_next(&reader, &line, &length, NULL) == 1) {
			struct message message;
			assert_int_equal(message_decode(line, length, &message, NULL), 0);
			done = message.type == MESSAGE_DONE;
			message_free(&message);
		}
		assert_false(done);
		assert_int_equal(line_end(&reader, NULL),
				 cut == 0 || plan.raw.data[cut - 1] == '\n' ? 0 : -1);
		line_reader_free(&reader);
	}
	answer_free(&plan);
}

int main(int argc, char **argv)
{
	(void)argc;
	machine_program(argv[0]);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(killed_at_every_point, setup, teardown),
		cmocka_unit_test_setup_teardown(input_cut_at_every_byte, setup, teardown),
		cmocka_unit_test_setup_teardown(output_cut_at_every_byte, setup, teardown),
		cmocka_unit_test_setup_teardown(cut_plan_is_not_a_plan, setup, teardown),
	};
	return cmocka_run_group_tests_name("crash", tests, NULL, NULL);
}
