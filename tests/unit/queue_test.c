/* SPDX-License-Identifier: GPL-3.0-or-later */
/* moyaid's apply queue, and what it makes of the lines of an apply. */
#include "daemon/queue.h"

#include "daemon/applier.h"
#include "test.h"

static void expect_names(const struct text_list *names, const char *wanted)
{
	AUTO_STR struct str text = STR_INIT;
	for (size_t i = 0; i < names->count; i++)
		str_addf(&text, "%s%s", i ? "," : "", names->items[i]);
	assert_string_equal(str_text(&text), wanted);
}

static void take(struct queue *queue, int64_t now_ms, const char *wanted)
{
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	assert_int_equal(queue_take(queue, now_ms, &names), wanted[0] != '\0');
	expect_names(&names, wanted);
}

static void gathers(void **state)
{
	struct queue queue = { 0 };
	AUTO_LIST struct text_list none = TEXT_LIST_INIT;
	(void)state;
	assert_int_equal(queue_wait_ms(&queue, 0), -1);
	assert_int_equal(queue_ask(&queue, "a", "1", "", 1000), QUEUE_WAITING);
	assert_int_equal(queue_wait_ms(&queue, 1500), 1500);
	take(&queue, 2999, "");
	assert_int_equal(queue_ask(&queue, "b", "1", "", 2500), QUEUE_WAITING);
	/* Asking again does not put it off. */
	assert_int_equal(queue_ask(&queue, "a", "1", "", 4000), QUEUE_WAITING);
	take(&queue, 4499, "");
	take(&queue, 4500, "a,b");
	/* One at a time. */
	assert_int_equal(queue_ask(&queue, "c", "1", "", 4600), QUEUE_WAITING);
	assert_int_equal(queue_wait_ms(&queue, 60000), -1);
	take(&queue, 60000, "");
	assert_int_equal(queue_ask(&queue, "a", "1", "", 5000), QUEUE_RUNNING);
	queue_done(&queue, &none, 60000);
	assert_int_equal(queue_ask(&queue, "a", "1", "", 60001), QUEUE_APPLIED);
	take(&queue, 60001, "c");
	queue_free(&queue);
}

static void patience(void **state)
{
	struct queue queue = { 0 };
	(void)state;
	for (int i = 0; i < 20; i++) {
		AUTO_FREE char *name = xasprintf("n%02d", i);
		queue_ask(&queue, name, "1", "", i * 1000);
		if (i < 10)
			take(&queue, i * 1000, "");
	}
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	assert_true(queue_take(&queue, 10000, &names));
	queue_free(&queue);
}

static void asks_again(void **state)
{
	struct queue queue = { 0 };
	AUTO_LIST struct text_list failed = TEXT_LIST_INIT;
	AUTO_LIST struct text_list none = TEXT_LIST_INIT;
	(void)state;
	text_list_add(&failed, "b");
	queue_ask(&queue, "a", "1", "", 0);
	queue_ask(&queue, "b", "1", "", 0);
	take(&queue, 2000, "a,b");
	/* a lost power while its apply ran: that apply says nothing of the new boot. */
	assert_int_equal(queue_ask(&queue, "a", "2", "", 3000), QUEUE_RUNNING);
	queue_done(&queue, &failed, 4000);
	assert_int_equal(queue_ask(&queue, "a", "2", "", 4001), QUEUE_WAITING);
	/* b failed, and is not applied again before it asks. */
	take(&queue, 6100, "a");
	queue_done(&queue, &none, 7000);
	take(&queue, 60000, "");
	assert_int_equal(queue_ask(&queue, "b", "1", "", 60000), QUEUE_WAITING);
	take(&queue, 62000, "b");
	queue_done(&queue, &none, 63000);
	/* Applied, until the next boot. */
	assert_int_equal(queue_ask(&queue, "b", "1", "", 64000), QUEUE_APPLIED);
	assert_int_equal(queue_ask(&queue, "b", "2", "", 65000), QUEUE_WAITING);
	assert_string_equal(queue_state_text(QUEUE_APPLIED), "applied");
	queue_free(&queue);
}

/* In the same boot, for a guest that ended; so often as anybody there can make it ask. */
static void asks_once_more(void **state)
{
	struct queue queue = { 0 };
	AUTO_LIST struct text_list none = TEXT_LIST_INIT;
	(void)state;
	queue_ask(&queue, "a", "1", "", 0);
	take(&queue, 2000, "a");
	queue_done(&queue, &none, 3000);
	assert_int_equal(queue_ask(&queue, "a", "1", "x", 4000), QUEUE_WAITING);
	take(&queue, 7999, "");
	assert_int_equal(queue_ask(&queue, "a", "1", "x", 8000), QUEUE_WAITING);
	take(&queue, 10000, "a");
	/* While that runs, another: it says nothing of that. */
	assert_int_equal(queue_ask(&queue, "a", "1", "y", 11000), QUEUE_RUNNING);
	queue_done(&queue, &none, 12000);
	assert_int_equal(queue_ask(&queue, "a", "1", "y", 16999), QUEUE_FAILED);
	assert_int_equal(queue_ask(&queue, "a", "1", "y", 17000), QUEUE_WAITING);
	take(&queue, 19000, "a");
	queue_done(&queue, &none, 20000);
	assert_int_equal(queue_ask(&queue, "a", "1", "y", 30000), QUEUE_APPLIED);
	queue_free(&queue);
}

/* a asks all the time, and fails: how often it is taken within so many milliseconds. */
static unsigned tries(struct queue *queue, int64_t *now_ms, int64_t for_ms)
{
	AUTO_LIST struct text_list failed = TEXT_LIST_INIT;
	unsigned count = 0;
	text_list_add(&failed, "a");
	for (int64_t end_ms = *now_ms + for_ms; *now_ms < end_ms; *now_ms += 100) {
		AUTO_LIST struct text_list names = TEXT_LIST_INIT;
		queue_ask(queue, "a", "1", "", *now_ms);
		if (!queue_take(queue, *now_ms, &names))
			continue;
		count++;
		queue_done(queue, &failed, *now_ms);
		assert_int_equal(queue_ask(queue, "a", "1", "", *now_ms), QUEUE_FAILED);
	}
	return count;
}

static void backs_off(void **state)
{
	struct queue queue = { 0 };
	AUTO_LIST struct text_list none = TEXT_LIST_INIT;
	AUTO_LIST struct text_list failed = TEXT_LIST_INIT;
	int64_t now_ms = 0;
	(void)state;
	/* 2 s of gathering each, and pauses of 2, 4, 8 … seconds, then of 60. */
	assert_int_equal(tries(&queue, &now_ms, 20000), 3);
	tries(&queue, &now_ms, 600000);
	assert_in_range(tries(&queue, &now_ms, 620000), 9, 10);
	while (tries(&queue, &now_ms, 100) == 0)
		continue;
	/* Another one comes true: perhaps that was it. */
	assert_int_equal(queue_ask(&queue, "a", "1", "", now_ms), QUEUE_FAILED);
	queue_ask(&queue, "b", "1", "", now_ms);
	now_ms += 2000;
	take(&queue, now_ms, "b");
	queue_done(&queue, &none, now_ms);
	assert_int_equal(queue_ask(&queue, "a", "1", "", now_ms), QUEUE_WAITING);
	take(&queue, now_ms + 2000, "a");
	queue_done(&queue, &none, now_ms + 2000);
	/* A new boot begins anew. */
	now_ms += 10000;
	queue_ask(&queue, "a", "2", "", now_ms);
	now_ms += 2000;
	take(&queue, now_ms, "a");
	text_list_add(&failed, "a");
	queue_done(&queue, &failed, now_ms);
	assert_int_equal(queue_ask(&queue, "a", "2", "", now_ms + 1999), QUEUE_FAILED);
	assert_int_equal(queue_ask(&queue, "a", "2", "", now_ms + 2000), QUEUE_WAITING);
	/* … also one that comes while it is refused. */
	take(&queue, now_ms + 4000, "a");
	queue_done(&queue, &failed, now_ms + 4000);
	assert_int_equal(queue_ask(&queue, "a", "3", "", now_ms + 4001), QUEUE_WAITING);
	queue_free(&queue);
}

static void outdated(void **state)
{
	struct queue queue = { 0 };
	AUTO_LIST struct text_list none = TEXT_LIST_INIT;
	AUTO_LIST struct text_list failed = TEXT_LIST_INIT;
	(void)state;
	queue_ask(&queue, "old", "1", "", 0);
	take(&queue, 2000, "old");
	queue_done(&queue, &none, 3000);
	queue_ask(&queue, "bad", "1", "", 3590000);
	queue_ask(&queue, "new", "1", "", 3590000);
	take(&queue, 3592000, "bad,new");
	text_list_add(&failed, "bad");
	queue_done(&queue, &failed, 3601000);
	queue_ask(&queue, "now", "1", "", 3601000);
	take(&queue, 3603000, "now");
	/* An apply of an hour by a person ends: what was applied before it began is as that left it. */
	queue_outdated(&queue, 3603000);
	assert_int_equal(queue_ask(&queue, "old", "1", "", 3603001), QUEUE_APPLIED);
	assert_int_equal(queue_ask(&queue, "new", "1", "", 3603001), QUEUE_WAITING);
	assert_int_equal(queue_ask(&queue, "now", "1", "", 3603001), QUEUE_RUNNING);
	queue_done(&queue, &none, 3605000);
	take(&queue, 3607000, "new,now");
	queue_done(&queue, &none, 3608000);
	assert_int_equal(queue_ask(&queue, "bad", "1", "", 3608000), QUEUE_WAITING);
	queue_free(&queue);
}

/* What an apply of a, b, c and d says, a line after the other; who failed. */
static void judge(const char *const *lines, int exit_code, const char *wanted)
{
	struct applier applier = APPLIER_INIT;
	AUTO_LIST struct text_list failed = TEXT_LIST_INIT;
	applier.count = 4;
	applier.nodes = xcalloc(applier.count, sizeof(*applier.nodes));
	for (size_t i = 0; i < applier.count; i++)
		applier.nodes[i].name = xasprintf("%c", (int)('a' + i));
	for (; *lines; lines++)
		applier_line(&applier, *lines);
	applier_judge(&applier, exit_code, &failed);
	expect_names(&failed, wanted);
	applier_free(&applier);
}

#define STEP(node) "{\"event\":\"step\",\"node\":\"" node "\",\"refused\":null}"
#define DONE "{\"event\":\"applied\",\"steps\":1}"
static void lines(void **state)
{
	(void)state;
	judge((const char *[]){ STEP("a"), "{\"event\":\"ok\",\"node\":\"a\"}", DONE, NULL }, 0,
	      "");
	/* It was killed: nobody is known to be as wanted. */
	judge((const char *[]){ STEP("a"), "{\"event\":\"ok\",\"node\":\"a\"}", NULL }, 137,
	      "a,b,c,d");
	judge((const char *[]){ NULL }, 0, "a,b,c,d");
	/* a came true; b failed; a step of c was never started; d is refused something. */
	judge((const char *[]){ STEP("a"), STEP("b"), STEP("c"), STEP("c"),
				"{\"event\":\"step\",\"node\":\"d\",\"refused\":\"foreign\"}",
				"{\"event\":\"ok\",\"node\":\"a\"}",
				"{\"event\":\"failed\",\"node\":\"b\",\"error\":\"no space\"}",
				"{\"event\":\"ok\",\"node\":\"c\"}", "no JSON", DONE, NULL },
	      1, "b,c,d");
	/* Left alone, whatever came of the others. */
	judge((const char *[]){ "{\"event\":\"maintenance\",\"node\":\"a\",\"by\":\"ann\"}",
				"{\"event\":\"error\",\"node\":\"c\",\"error\":\"not there\"}",
				DONE, NULL },
	      0, "a,c");
	/* Somebody outside the limit could not be asked: not the fault of the four. */
	judge((const char *[]){ "{\"event\":\"error\",\"node\":\"x\",\"error\":\"no answer\"}",
				"{\"event\":\"error\",\"node\":\"b\",\"error\":\"no answer\"}",
				DONE, NULL },
	      1, "b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gathers),    cmocka_unit_test(patience),
		cmocka_unit_test(asks_again), cmocka_unit_test(asks_once_more),
		cmocka_unit_test(backs_off),  cmocka_unit_test(outdated),
		cmocka_unit_test(lines)
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
