/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Network changes that are confirmed, and those that are not. The kind `file` stands for what a
   connection depends on. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/wire/peer.h"

#define TOKEN "0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210"
#define TAKEN_BACK "the network changes were not confirmed in time and were taken back; plan again"

/* One is changed, one goes, one comes; and a box, which is none of the guard's business. */
static const char BEFORE[] = "[{\"kind\":\"file\",\"fields\":{\"name\":\"a\",\"content\":\"x\"}},"
			     "{\"kind\":\"file\",\"fields\":{\"name\":\"old\",\"label\":\"o\"}}]";
static const char AFTER[] = "[{\"kind\":\"file\",\"fields\":{\"name\":\"a\",\"content\":\"y\"}},"
			    "{\"kind\":\"file\",\"fields\":{\"name\":\"new\",\"label\":\"n\"}},"
			    "{\"kind\":\"box\",\"fields\":{\"name\":\"b\",\"size\":1024}}]";

static void start(struct machine *machine)
{
	AUTO_STR struct str slice = STR_INIT;
	machine_start(machine);
	slice_line(&slice, BEFORE, "[]", "[]");
	converge(machine, &slice);
}

/* Slice, arm, all steps; without an end. */
static void changes(const struct machine *machine, unsigned seconds, struct str *input)
{
	AUTO_STR struct str slice = STR_INIT;
	struct answer plan;
	slice_line(&slice, AFTER, "[]", "[]");
	plan_of(machine, &slice, &plan);
	str_add(input, str_text(&slice));
	request_arm(input, TOKEN, seconds);
	assert_int_equal(answer_count(&plan, MESSAGE_STEP), 4);
	for (size_t i = 0; i < plan.count; i++)
		if (plan.items[i].type == MESSAGE_STEP)
			request_go(input, plan.items[i].step.kind, plan.items[i].step.id, NULL);
	answer_free(&plan);
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

/* Until the changes were taken back. */
static void wait_for_guard(const struct machine *machine)
{
	AUTO_FREE char *note = xasprintf("%s/taken-back", machine->run);
	for (int i = 0; !file_exists(note); i++) {
		if (i == 200)
			fail_msg("nothing was taken back within 20 s");
		pause_ms(100);
	}
}

static void assert_before(const struct machine *machine)
{
	assert_string_equal(machine_file(machine, "file", "a", "content"), "\"x\"");
	assert_string_equal(machine_file(machine, "file", "old", "label"), "\"o\"");
	assert_string_equal(machine_file(machine, "file", "new", "mark"), "(none)");
}

/* Slice alone: what does a plan say on stderr? */
static void assert_plan_tells(const struct machine *machine, const char *text)
{
	AUTO_STR struct str slice = STR_INIT;
	struct answer plan;
	slice_line(&slice, BEFORE, "[]", "[]");
	ask(machine, &(struct start){ .verb = "plan" }, slice.data, slice.length, &plan);
	if (strncmp(str_text(&plan.stderr_text), text, strlen(text)) != 0)
		fail_msg("stderr: %s", str_text(&plan.stderr_text));
	if (text[0] == '\0')
		assert_int_equal(plan.stderr_text.length, 0);
	answer_free(&plan);
}

static void confirm(const struct machine *machine, const char *token, const char *error)
{
	AUTO_STR struct str input = STR_INIT;
	struct answer answer;
	request_confirm(&input, token);
	ask(machine, &(struct start){ .verb = "confirm" }, input.data, input.length, &answer);
	assert_int_equal(answer.count, 2);
	assert_int_equal(answer.items[1].type, error ? MESSAGE_ERROR : MESSAGE_DONE);
	if (error)
		assert_string_equal(answer.items[1].error, error);
	answer_free(&answer);
}

static void expect(struct peer *peer, enum message_type type)
{
	struct message message;
	peer_expect(peer, type, &message);
	message_free(&message);
}

static void expect_steps(struct peer *peer, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		expect(peer, MESSAGE_START);
		expect(peer, MESSAGE_OK);
	}
}

static void confirmed_stays(void **state)
{
	AUTO_STR struct str input = STR_INIT;
	AUTO_STR struct str end = STR_INIT;
	struct machine machine;
	struct peer peer;
	(void)state;
	start(&machine);
	changes(&machine, 1, &input);
	peer_start(&peer, &machine, &(struct start){ .verb = "apply" });
	peer_write(&peer, input.data, input.length);
	expect(&peer, MESSAGE_HELLO);
	expect(&peer, MESSAGE_ARMED);
	expect_steps(&peer, 4);
	confirm(&machine, OTHER, "no changes wait for this confirmation; they were taken back");
	confirm(&machine, "../lock", "a token has 32 hexadecimal digits");
	confirm(&machine, TOKEN, NULL);
	confirm(&machine, TOKEN, "no changes wait for this confirmation; they were taken back");
	pause_ms(1200);
	/* The same apply goes on, and may arm again. */
	request_arm(&end, OTHER, 30);
	request_go(&end, "file", "a", NULL);
	peer_write(&peer, end.data, end.length);
	expect(&peer, MESSAGE_ARMED);
	expect_steps(&peer, 1);
	confirm(&machine, OTHER, NULL);
	str_clear(&end);
	request_end(&end);
	peer_write(&peer, end.data, end.length);
	expect(&peer, MESSAGE_DONE);
	assert_int_equal(peer_wait(&peer), 0);
	assert_string_equal(machine_file(&machine, "file", "a", "content"), "\"y\"");
	assert_string_equal(machine_file(&machine, "file", "new", "label"), "\"n\"");
	assert_string_equal(machine_file(&machine, "file", "old", "mark"), "(none)");
	assert_plan_tells(&machine, "");
	machine_end(&machine);
}

/* The stream ends, well or not, and nobody confirms. */
static void unconfirmed_is_taken_back(void **state)
{
	(void)state;
	for (int with_end = 0; with_end < 2; with_end++) {
		AUTO_STR struct str input = STR_INIT;
		struct machine machine;
		struct answer answer;
		start(&machine);
		changes(&machine, 1, &input);
		if (with_end)
			request_end(&input);
		ask(&machine, &(struct start){ .verb = "apply" }, input.data, input.length,
		    &answer);
		assert_int_equal(answer_count(&answer, MESSAGE_OK), 4);
		assert_int_equal(answer_last(&answer)->type,
				 with_end ? MESSAGE_DONE : MESSAGE_ERROR);
		answer_free(&answer);
		assert_string_equal(machine_file(&machine, "file", "a", "content"), "\"y\"");
		wait_for_guard(&machine);
		assert_before(&machine);
		assert_string_equal(machine_file(&machine, "box", "b", "size"), "1024");
		confirm(&machine, TOKEN,
			"no changes wait for this confirmation; they were taken back");
		assert_plan_tells(&machine, "network changes that nobody confirmed within 1 s were "
					    "taken back at 20");
		/* Told until somebody applies. */
		AUTO_STR struct str slice = STR_INIT;
		slice_line(&slice, BEFORE, "[]", "[]");
		request_end(&slice);
		ask(&machine, &(struct start){ .verb = "apply" }, slice.data, slice.length,
		    &answer);
		assert_int_equal(answer_last(&answer)->type, MESSAGE_DONE);
		answer_free(&answer);
		assert_plan_tells(&machine, "");
		machine_end(&machine);
	}
}

/* Nobody else changes a node on which an apply is at work and waits for its confirmation. When that
   apply is no more, the next one has reached the node. */
static void left_is_confirmed_by_the_next(void **state)
{
	AUTO_STR struct str input = STR_INIT;
	AUTO_STR struct str next = STR_INIT;
	struct machine machine;
	struct answer answer;
	struct peer peer;
	(void)state;
	start(&machine);
	changes(&machine, 1, &input);
	slice_line(&next, AFTER, "[]", "[]");
	request_end(&next);
	peer_start(&peer, &machine, &(struct start){ .verb = "apply" });
	peer_write(&peer, input.data, input.length);
	expect(&peer, MESSAGE_HELLO);
	expect(&peer, MESSAGE_ARMED);
	expect_steps(&peer, 4);
	ask(&machine, &(struct start){ .verb = "apply" }, next.data, next.length, &answer);
	assert_int_equal(answer.count, 2);
	assert_true(text_starts(answer.items[1].error,
				"another apply is at work on this node: somebody "));
	answer_free(&answer);
	kill(peer.pid, SIGKILL);
	assert_int_equal(peer_wait(&peer), 128 + SIGKILL);
	pause_ms(300);
	ask(&machine, &(struct start){ .verb = "apply" }, next.data, next.length, &answer);
	if (answer_last(&answer)->type != MESSAGE_DONE)
		fail_msg("%s", answer_last(&answer)->error);
	answer_free(&answer);
	pause_ms(1200);
	assert_string_equal(machine_file(&machine, "file", "new", "label"), "\"n\"");
	assert_plan_tells(&machine, "");
	machine_end(&machine);
}

/* The time counts from the last step: an apply that is at work is not interrupted, and one that
   comes too late is told. */
static void nothing_goes_on_after_it(void **state)
{
	AUTO_STR struct str input = STR_INIT;
	AUTO_STR struct str go = STR_INIT;
	struct machine machine;
	struct message message;
	struct peer peer;
	(void)state;
	start(&machine);
	changes(&machine, 1, &input);
	peer_start(&peer, &machine, &(struct start){ .verb = "apply" });
	peer_write(&peer, input.data, input.length);
	expect(&peer, MESSAGE_HELLO);
	expect(&peer, MESSAGE_ARMED);
	expect_steps(&peer, 4);
	request_go(&go, "file", "a", NULL);
	for (int i = 0; i < 4; i++) {
		pause_ms(600);
		peer_write(&peer, go.data, go.length);
		expect_steps(&peer, 1);
	}
	wait_for_guard(&machine);
	peer_write(&peer, go.data, go.length);
	peer_expect(&peer, MESSAGE_ERROR, &message);
	assert_string_equal(message.error, TAKEN_BACK);
	message_free(&message);
	assert_int_equal(peer_wait(&peer), 1);
	assert_before(&machine);
	machine_end(&machine);
}

static void armed_once(void **state)
{
	AUTO_STR struct str input = STR_INIT;
	struct machine machine;
	struct answer answer;
	(void)state;
	start(&machine);
	slice_line(&input, BEFORE, "[]", "[]");
	request_arm(&input, TOKEN, 1);
	request_arm(&input, OTHER, 1);
	ask(&machine, &(struct start){ .verb = "apply" }, input.data, input.length, &answer);
	assert_int_equal(answer.count, 3);
	assert_string_equal(answer.items[2].error,
			    "there are changes that wait for their confirmation");
	answer_free(&answer);
	str_clear(&input);
	slice_line(&input, BEFORE, "[]", "[]");
	request_arm(&input, "../lock", 1);
	pause_ms(300); /* the guard sees that its apply is no more */
	ask(&machine, &(struct start){ .verb = "apply" }, input.data, input.length, &answer);
	assert_int_equal(answer.count, 2);
	assert_string_equal(answer.items[1].error, "a token has 32 hexadecimal digits");
	answer_free(&answer);
	machine_end(&machine);
}

/* Killed at every point of the apply: what was there before comes back. All wait at the same time. */
static void killed_is_taken_back(void **state)
{
	enum { MOST = 200 };
	struct machine *machines = xcalloc(MOST, sizeof(*machines));
	struct machine whole;
	AUTO_STR struct str input = STR_INIT;
	AUTO_STR struct str points = STR_INIT;
	struct answer answer;
	long count = 0;
	(void)state;
	start(&whole);
	changes(&whole, 1, &input);
	AUTO_FREE char *file = xasprintf("%s/points", whole.dir);
	ask(&whole, &(struct start){ .verb = "apply", .points_file = file }, input.data,
	    input.length, &answer);
	answer_free(&answer);
	assert_int_equal(file_read(file, 1 << 20, &points, NULL), 0);
	for (size_t i = 0; i < points.length; i++)
		count += points.data[i] == '\n';
	assert_in_range(count, 20, MOST);
	for (long at = 1; at <= count; at++) {
		start(&machines[at - 1]);
		ask(&machines[at - 1], &(struct start){ .verb = "apply", .crash_at = at },
		    input.data, input.length, &answer);
		assert_int_equal(answer.exit_code, 128 + SIGKILL);
		answer_free(&answer);
	}
	for (long at = 1; at <= count; at++) {
		wait_for_guard(&machines[at - 1]);
		assert_before(&machines[at - 1]);
		machine_end(&machines[at - 1]);
	}
	wait_for_guard(&whole);
	machine_end(&whole);
	free(machines);
	print_message("# killed at each of %ld points with changes unconfirmed\n", count);
}

int main(int argc, char **argv)
{
	(void)argc;
	machine_program(argv[0]);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(confirmed_stays),
		cmocka_unit_test(unconfirmed_is_taken_back),
		cmocka_unit_test(left_is_confirmed_by_the_next),
		cmocka_unit_test(nothing_goes_on_after_it),
		cmocka_unit_test(armed_once),
		cmocka_unit_test(killed_is_taken_back),
	};
	return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
