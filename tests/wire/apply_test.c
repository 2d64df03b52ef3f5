/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plan and apply: rules, refusals, locks, strings. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
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

#define FILE_A "{\"kind\":\"file\",\"fields\":{\"name\":\"a\",\"content\":\"x\",\"mode\":1}}"
#define BOX(fields) "{\"kind\":\"box\",\"fields\":{\"name\":\"b\"" fields "}}"

static void want(const char *wants)
{
	AUTO_STR struct str slice = STR_INIT;
	slice_line(&slice, wants, "[]", "[]");
	converge(&machine, &slice);
}

/* Plan these wants; the caller frees. */
static void plan_wants(const char *wants, struct answer *plan)
{
	AUTO_STR struct str slice = STR_INIT;
	slice_line(&slice, wants, "[]", "[]");
	plan_of(&machine, &slice, plan);
}

/* Apply one step with this digest: the last message but done is `failed` with
   this error, or `ok` when it is NULL. */
static void assert_go(const char *slice_text, const char *kind, const char *id, const char *digest,
		      const char *error)
{
	AUTO_STR struct str input = STR_INIT;
	struct answer answer;
	str_add(&input, slice_text);
	request_go(&input, kind, id, digest);
	request_end(&input);
	ask(&machine, &(struct start){ .verb = "apply" }, input.data, input.length, &answer);
	assert_string_equal(answer.problem, "");
	assert_int_equal(answer.count, 4);
	assert_int_equal(answer.items[1].type, MESSAGE_START);
	assert_string_equal(answer.items[1].id, id);
	assert_int_equal(answer.items[3].type, MESSAGE_DONE);
	if (error == NULL && answer.items[2].type == MESSAGE_FAILED)
		fail_msg("%s", answer.items[2].error);
	assert_int_equal(answer.items[2].type, error ? MESSAGE_FAILED : MESSAGE_OK);
	if (error)
		assert_string_equal(answer.items[2].error, error);
	answer_free(&answer);
}

static void plan_apply_plan(void **state)
{
	struct answer plan;
	char before[HASH_HEX_SIZE];
	char after[HASH_HEX_SIZE];
	(void)state;
	machine_hash(&machine, before);
	plan_wants("[" BOX(",\"file\":\"a\",\"size\":1024") "," FILE_A "]", &plan);
	machine_hash(&machine, after);
	/* plan writes nothing, not even a lock. */
	assert_string_equal(before, after);
	assert_false(file_exists(machine.run));
	/* In the order of the table of kinds. */
	assert_int_equal(answer_count(&plan, MESSAGE_STEP), 2);
	const struct remote_step *file = &plan.items[1].step;
	const struct remote_step *box = &plan.items[2].step;
	assert_string_equal(file->kind, "file");
	assert_int_equal(file->action, STEP_CREATE);
	assert_string_equal(file->digest, "absent");
	assert_int_equal(file->change_count, 2);
	assert_string_equal(file->changes[0].field, "content");
	assert_null(file->changes[0].have);
	assert_string_equal(file->changes[0].want, "x");
	assert_string_equal(box->kind, "box");
	assert_int_equal(box->needs.count, 1);
	assert_null(box->needs.items[0].node);
	assert_string_equal(box->needs.items[0].kind, "file");
	assert_string_equal(box->needs.items[0].id, "a");
	assert_string_equal(box->changes[1].want, "1K");
	answer_free(&plan);

	want("[" BOX(",\"file\":\"a\",\"size\":1024") "," FILE_A "]");
	plan_wants("[" BOX(",\"file\":\"a\",\"size\":1024") "," FILE_A "]", &plan);
	assert_int_equal(plan.count, 2);
	assert_int_equal(answer_last(&plan)->kept, 2);
	answer_free(&plan);
	/* Removal: what needs comes before what is needed. The box holds data. */
	plan_wants("[]", &plan);
	assert_int_equal(answer_count(&plan, MESSAGE_STEP), 2);
	assert_string_equal(plan.items[1].step.kind, "box");
	assert_int_equal(plan.items[1].step.action, STEP_REMOVE);
	assert_true(plan.items[1].step.loses_data);
	assert_string_equal(plan.items[2].step.kind, "file");
	assert_null(plan.items[2].step.refused);
	assert_false(plan.items[2].step.loses_data);
	answer_free(&plan);
}

static void changes_and_what_is_not_compared(void **state)
{
	struct answer plan;
	(void)state;
	want("[{\"kind\":\"file\",\"fields\":{\"name\":\"a\",\"content\":\"x\",\"mode\":1,"
	     "\"stamp\":5,\"tags\":[\"p\",\"q\"]}}]");
	/* VOLATILE differs, mode and tags are not given: nothing to do. */
	plan_wants(
		"[{\"kind\":\"file\",\"fields\":{\"name\":\"a\",\"content\":\"x\",\"stamp\":6}}]",
		&plan);
	assert_int_equal(answer_count(&plan, MESSAGE_STEP), 0);
	answer_free(&plan);
	plan_wants("[{\"kind\":\"file\",\"fields\":{\"name\":\"a\",\"mode\":2,\"stamp\":7}}]",
		   &plan);
	assert_int_equal(answer_count(&plan, MESSAGE_STEP), 1);
	const struct remote_step *step = &plan.items[1].step;
	assert_int_equal(step->action, STEP_CHANGE);
	assert_int_equal(step->change_count, 1);
	assert_string_equal(step->changes[0].field, "mode");
	assert_string_equal(step->changes[0].have, "1");
	assert_string_equal(step->changes[0].want, "2");
	answer_free(&plan);
}

/* The reason why the step for box b is refused, "" when it is not. */
static void assert_box_refused(const char *wants, const char *may_lose, const char *consent,
			       const char *reason)
{
	AUTO_STR struct str slice = STR_INIT;
	struct answer plan;
	slice_line(&slice, wants, may_lose, consent);
	plan_of(&machine, &slice, &plan);
	const struct message *message = answer_step(&plan, "box", "b");
	assert_non_null(message);
	assert_string_equal(message->step.refused ? message->step.refused : "", reason);
	/* Whoever asks for it all the same gets the same answer. */
	if (reason[0])
		assert_go(str_text(&slice), "box", "b", message->step.digest, reason);
	answer_free(&plan);
}

#define LOSE "would lose the data of box/b; to allow it "
#define LOSE_SITE "write may_lose = [ \"box/b\" ] in node store1"
#define LOSE_COMMAND "run with --allow-data-loss=store1/box/b"
static void losing_data_needs_both_consents(void **state)
{
	(void)state;
	want("[" FILE_A "," BOX(",\"file\":\"a\",\"shape\":\"round\"") "]");
	machine_write(&machine, "box", "b", "data", "precious");
	/* Removed, and replaced. */
	static const char *const WANTS[] = { "[" FILE_A "]",
					     "[" FILE_A "," BOX(",\"shape\":\"flat\"") "]" };
	for (size_t i = 0; i < COUNT_OF(WANTS); i++) {
		const char *wants = WANTS[i];
		assert_box_refused(wants, "[]", "[]", LOSE LOSE_SITE " and " LOSE_COMMAND);
		assert_box_refused(wants, "[\"box/b\"]", "[]", LOSE LOSE_COMMAND);
		assert_box_refused(wants, "[]", "[\"store1/box/b\"]", LOSE LOSE_SITE);
		assert_box_refused(wants, "[]", "[\"store1\"]", LOSE LOSE_SITE);
		/* For another resource, another kind, another node. */
		assert_box_refused(wants, "[\"box/c\"]", "[\"store1\"]", LOSE LOSE_SITE);
		assert_box_refused(wants, "[\"box\"]", "[\"store1\"]", LOSE LOSE_SITE);
		assert_box_refused(wants, "[\"box/b\"]", "[\"store1/box/c\"]", LOSE LOSE_COMMAND);
		assert_box_refused(wants, "[\"box/b\"]", "[\"store1/file\"]", LOSE LOSE_COMMAND);
		assert_box_refused(wants, "[\"box/b\"]", "[\"store2\"]", LOSE LOSE_COMMAND);
		assert_box_refused(wants, "[\"box/b\"]", "[\"box/b\"]", LOSE LOSE_COMMAND);
		assert_box_refused(wants, "[\"box/b\"]", "[\"store1/box/b\"]", "");
		assert_box_refused(wants, "[\"box/b\"]", "[\"store1/box\"]", "");
		assert_box_refused(wants, "[\"box/b\"]", "[\"store1\"]", "");
	}
	assert_string_equal(machine_file(&machine, "box", "b", "data"), "precious");
	AUTO_STR struct str slice = STR_INIT;
	slice_line(&slice, WANTS[1], "[\"box/b\"]", "[\"store1\"]");
	converge(&machine, &slice);
	assert_string_equal(machine_file(&machine, "box", "b", "data"), "");
	assert_string_equal(machine_file(&machine, "box", "b", "shape"), "\"flat\"");
}

static void other_refusals(void **state)
{
	struct answer plan;
	(void)state;
	want("[" FILE_A "," BOX(",\"file\":\"a\",\"size\":2048") "]");
	assert_box_refused("[" FILE_A "," BOX(",\"size\":1024") "]", "[]", "[]",
			   "size can only grow: it is 2K, wanted 1K");
	assert_box_refused("[" FILE_A "," BOX(",\"file\":\"c\"") "]", "[]", "[]",
			   "file cannot be changed: it is a, wanted c");
	/* The kind's own reason, and all reasons at once. */
	assert_box_refused("[" FILE_A "," BOX(",\"size\":2199023255552") "]", "[]", "[]",
			   "size is more than there is room for");
	assert_box_refused("[" FILE_A "," BOX(",\"file\":\"c\",\"size\":1024") "]", "[]", "[]",
			   "file cannot be changed: it is a, wanted c; "
			   "size can only grow: it is 2K, wanted 1K");
	/* The others are shown all the same. */
	plan_wants("[" FILE_A "," BOX(",\"size\":1024") ",{\"kind\":\"file\",\"fields\":"
							"{\"name\":\"new\"}}]",
		   &plan);
	assert_int_equal(answer_count(&plan, MESSAGE_STEP), 2);
	assert_null(answer_step(&plan, "file", "new")->step.refused);
	assert_int_equal(answer_last(&plan)->type, MESSAGE_DONE);
	answer_free(&plan);
}

/* Without our mark: never listed, so never removed; and not replaced. */
static void foreign_resources(void **state)
{
	struct answer plan;
	char before[HASH_HEX_SIZE];
	char after[HASH_HEX_SIZE];
	(void)state;
	machine_write(&machine, "file", "f", "mark", "another-site");
	machine_write(&machine, "file", "f", "label", "\"theirs\"");
	machine_write(&machine, "box", "b", "mark", "another-site");
	machine_hash(&machine, before);
	plan_wants("[]", &plan);
	assert_int_equal(answer_count(&plan, MESSAGE_STEP), 0);
	answer_free(&plan);
	AUTO_STR struct str slice = STR_INIT;
	slice_line(&slice, "[]", "[\"box/b\"]", "[\"store1\"]");
	assert_go(str_text(&slice), "box", "b", NULL,
		  "it is there without the mark of this site, so it is not removed");
	str_clear(&slice);
	slice_line(&slice, "[{\"kind\":\"file\",\"fields\":{\"name\":\"f\",\"label\":\"ours\"}}]",
		   "[]", "[]");
	assert_go(str_text(&slice), "file", "f", NULL,
		  "it is there without the mark of this site, so it is not removed");
	machine_hash(&machine, after);
	assert_string_equal(before, after);
}

/* Left by a crash: marked, and nothing else. */
static void half_a_resource_is_removed(void **state)
{
	(void)state;
	machine_write(&machine, "file", "h", "mark", "demo");
	want("[]");
	assert_string_equal(machine_file(&machine, "file", "h", "mark"), "(none)");
}

static void changed_since_planned(void **state)
{
	AUTO_STR struct str slice = STR_INIT;
	struct answer plan;
	(void)state;
	want("[" FILE_A "]");
	slice_line(&slice, "[{\"kind\":\"file\",\"fields\":{\"name\":\"a\",\"mode\":2}}]", "[]",
		   "[]");
	plan_of(&machine, &slice, &plan);
	const char *digest = plan.items[1].step.digest;
	assert_int_equal(strlen(digest), 64);
	machine_write(&machine, "file", "a", "content", "\"drifted\"");
	assert_go(str_text(&slice), "file", "a", digest,
		  "changed since it was planned; plan again");
	assert_go(str_text(&slice), "file", "a", "absent",
		  "changed since it was planned; plan again");
	assert_string_equal(machine_file(&machine, "file", "a", "mode"), "1");
	/* VOLATILE fields are not part of it. */
	machine_write(&machine, "file", "a", "content", "\"x\"");
	machine_write(&machine, "file", "a", "stamp", "99");
	assert_go(str_text(&slice), "file", "a", digest, NULL);
	assert_string_equal(machine_file(&machine, "file", "a", "mode"), "2");
	/* Already true, whoever did it. */
	assert_go(str_text(&slice), "file", "a", digest, NULL);
	answer_free(&plan);
}

/* What only vanished is made again; where data was, nobody gets an empty thing unasked. */
static void gone_since_planned(void **state)
{
	static const char DIGEST[] =
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	AUTO_STR struct str slice = STR_INIT;
	(void)state;
	slice_line(&slice, "[" FILE_A "," BOX(",\"file\":\"a\"") "]", "[]", "[]");
	assert_go(str_text(&slice), "file", "a", DIGEST, NULL);
	assert_string_equal(machine_file(&machine, "file", "a", "mode"), "1");
	assert_go(str_text(&slice), "box", "b", DIGEST, "changed since it was planned; plan again");
	assert_string_equal(machine_file(&machine, "box", "b", "mark"), "(none)");
}

static void failure_spares_siblings(void **state)
{
	AUTO_STR struct str input = STR_INIT;
	struct answer answer;
	(void)state;
	slice_line(&input, "[" BOX(",\"file\":\"gone\"") "," FILE_A "]", "[]", "[]");
	request_go(&input, "box", "b", "absent");
	request_go(&input, "nothing", "b", NULL);
	request_go(&input, "file", "a", "absent");
	request_end(&input);
	ask(&machine, &(struct start){ .verb = "apply" }, input.data, input.length, &answer);
	assert_string_equal(answer.problem, "");
	assert_int_equal(answer.count, 8);
	assert_int_equal(answer.items[2].type, MESSAGE_FAILED);
	assert_string_equal(answer.items[2].error, "file gone is not there");
	assert_int_equal(answer.items[4].type, MESSAGE_FAILED);
	assert_string_equal(answer.items[4].error, "there is no kind nothing");
	assert_int_equal(answer.items[6].type, MESSAGE_OK);
	assert_int_equal(answer.items[7].type, MESSAGE_DONE);
	assert_string_equal(machine_file(&machine, "file", "a", "content"), "\"x\"");
	answer_free(&answer);
}

static void settling(void **state)
{
	AUTO_STR struct str slice = STR_INIT;
	(void)state;
	want("[{\"kind\":\"slow\",\"fields\":{\"name\":\"s\",\"value\":\"v\",\"delay\":100}}]");
	slice_line(&slice,
		   "[{\"kind\":\"slow\",\"fields\":{\"name\":\"t\",\"value\":\"v\","
		   "\"delay\":60000}}]",
		   "[]", "[]");
	assert_go(str_text(&slice), "slow", "t", "absent",
		  "did not come true within 300 ms: value is not set, wanted v");
}

/* A step that takes long says so, and not too often. */
static void still_at_it(void **state)
{
	AUTO_STR struct str input = STR_INIT;
	struct answer answer;
	(void)state;
	want("[{\"kind\":\"slow\",\"fields\":{\"name\":\"s\",\"value\":\"v\",\"delay\":0}}]");
	slice_line(&input, "[]", "[]", "[]");
	request_go(&input, "slow", "s", NULL);
	request_end(&input);
	ask(&machine, &(struct start){ .verb = "apply" }, input.data, input.length, &answer);
	assert_string_equal(answer.problem, "");
	assert_int_equal(answer.count, 5);
	assert_int_equal(answer.items[1].type, MESSAGE_START);
	assert_int_equal(answer.items[2].type, MESSAGE_STILL);
	assert_string_equal(answer.items[2].id, "s");
	assert_int_equal(answer.items[3].type, MESSAGE_OK);
	answer_free(&answer);
}

static void end_of_file_in_place_of_end(void **state)
{
	AUTO_STR struct str input = STR_INIT;
	struct answer answer;
	(void)state;
	slice_line(&input, "[" FILE_A "]", "[]", "[]");
	request_go(&input, "file", "a", "absent");
	ask(&machine, &(struct start){ .verb = "apply" }, input.data, input.length, &answer);
	assert_int_equal(answer.count, 4);
	assert_int_equal(answer.items[2].type, MESSAGE_OK);
	assert_int_equal(answer.items[3].type, MESSAGE_ERROR);
	assert_string_equal(answer.items[3].error, "the stream ended before \"end\"");
	assert_int_equal(answer.exit_code, 1);
	answer_free(&answer);
	want("[" FILE_A "]");
}

/* --- the lock ----------------------------------------------------------- */

static void expect_free(struct peer *peer, enum message_type type)
{
	struct message message;
	peer_expect(peer, type, &message);
	message_free(&message);
}

/* The same slice with one field more. */
static void slice_line_by(struct str *line, const char *wants, const char *who)
{
	slice_line(line, wants, "[]", "[]");
	if (who == NULL)
		return;
	line->length -= strlen("}}\n");
	str_addf(line, ",\"who\":\"%s\"}}\n", who);
}

/* who: as the holder says it; shown: as the second one is told. */
static void expect_holder(const char *who, const char *shown)
{
	AUTO_STR struct str slice = STR_INIT;
	AUTO_STR struct str go = STR_INIT;
	AUTO_STR struct str end = STR_INIT;
	struct peer first;
	struct answer second;
	char since[32] = "";
	machine_clear(&machine);
	slice_line_by(&slice, "[" FILE_A "]", who);
	request_go(&go, "file", "a", NULL);
	request_end(&end);
	peer_start(&first, &machine, &(struct start){ .verb = "apply" });
	peer_write(&first, slice.data, slice.length);
	peer_write(&first, go.data, go.length);
	expect_free(&first, MESSAGE_HELLO);
	expect_free(&first, MESSAGE_START);
	expect_free(&first, MESSAGE_OK);

	str_add(&slice, str_text(&end));
	ask(&machine, &(struct start){ .verb = "apply" }, slice.data, slice.length, &second);
	assert_int_equal(second.count, 2);
	const char *error = second.items[1].error;
	AUTO_FREE char *begin =
		xasprintf("another apply is at work on this node: %s since ", shown);
	assert_true(text_starts(error, begin));
	strncpy(since, error + strlen(begin), 20);
	AUTO_FREE char *whole = xasprintf("%s%s (process %ld there); apply again when it has ended",
					  begin, since, (long)first.pid);
	assert_string_equal(error, whole);
	for (size_t i = 0; i < 20; i++)
		assert_true("dddd-dd-ddTdd:dd:ddZ"[i] == 'd'
				    ? since[i] >= '0' && since[i] <= '9'
				    : since[i] == "dddd-dd-ddTdd:dd:ddZ"[i]);
	answer_free(&second);

	peer_write(&first, end.data, end.length);
	expect_free(&first, MESSAGE_DONE);
	assert_int_equal(peer_wait(&first), 0);
	want("[" FILE_A "]");
}

static void lock_names_its_holder(void **state)
{
	(void)state;
	expect_holder("ann@desk", "ann@desk");
	/* A moyai that does not say. */
	expect_holder(NULL, "somebody");
	/* One line, whatever is said. */
	expect_holder("ann@desk\\nbob@desk", "ann@desk");
}

/* Two that begin at the same moment: one at least comes through, one at a time
   is at work, and in the end everything is as wanted. */
static void two_at_once(void **state)
{
	AUTO_STR struct str slice = STR_INIT;
	AUTO_STR struct str input = STR_INIT;
	(void)state;
	slice_line(&slice, "[" FILE_A "," BOX(",\"file\":\"a\",\"size\":1024") "]", "[]", "[]");
	str_add(&input, str_text(&slice));
	request_go(&input, "file", "a", NULL);
	request_go(&input, "box", "b", NULL);
	request_end(&input);
	for (int round = 0; round < 5; round++) {
		struct peer peers[2];
		int done = 0;
		machine_clear(&machine);
		for (int i = 0; i < 2; i++)
			peer_start(&peers[i], &machine, &(struct start){ .verb = "apply" });
		for (int i = 0; i < 2; i++)
			peer_write(&peers[i], input.data, input.length);
		for (int i = 0; i < 2; i++) {
			struct message message = { 0 };
			expect_free(&peers[i], MESSAGE_HELLO);
			char *line;
			size_t length;
			while (line_read(&peers[i].reader, peers[i].out, &line, &length, NULL) ==
			       1) {
				message_free(&message);
				assert_int_equal(message_decode(line, length, &message, NULL), 0);
			}
			if (message.type == MESSAGE_ERROR)
				assert_true(text_starts(message.error, "another apply is at work"));
			else
				assert_int_equal(message.type, MESSAGE_DONE);
			done += message.type == MESSAGE_DONE;
			message_free(&message);
			peer_wait(&peers[i]);
		}
		assert_true(done >= 1);
		struct answer plan;
		plan_of(&machine, &slice, &plan);
		assert_int_equal(answer_count(&plan, MESSAGE_STEP), 0);
		answer_free(&plan);
	}
}

/* --- strings ------------------------------------------------------------ */

static const char *const STRINGS[] = {
	"$(touch x)", "`touch x`",   "a b  c",	    "\"",
	"'",	      "it's \"so\"", "new\nline\n", "\ttab\r",
	"\\ \\n \\0", "; & | > <",   "*",	    "-n",
	"--help",     "%s%n%d",	     "é ü 漢字 😀",  "\x01\x1b[31m",
	"{}[]:,",     "../../etc",   "${HOME}",	    "~",
	"!!",	      "#",	     " leading",    "trailing ",
};

/* In every field of text, in the id, in references and in lists; through
   slice, plan, the arguments of a command, and back. */
static void strings_arrive_unchanged(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(STRINGS); i++) {
		const char *text = STRINGS[i];
		AUTO_STR struct str slice = STR_INIT;
		struct answer plan;
		json_t *wants = json_pack(
			"[{s:s, s:{s:s, s:s, s:s, s:s, s:s, s:[s, s]}}, {s:s, s:{s:s, s:s, s:s}}]",
			"kind", "file", "fields", "name", text, "content", text, "owner", text,
			"label", text, "token", text, "tags", text, "2", "kind", "box", "fields",
			"name", text, "file", text, "shape", text);
		AUTO_FREE char *wants_text = json_dumps(wants, JSON_COMPACT);
		slice_line(&slice, wants_text, "[]", "[]");
		plan_of(&machine, &slice, &plan);
		const struct message *file = answer_step(&plan, "file", text);
		const struct message *box = answer_step(&plan, "box", text);
		assert_non_null(file);
		assert_non_null(box);
		assert_string_equal(file->step.changes[0].want, text);
		assert_string_equal(box->step.needs.items[0].id, text);
		answer_free(&plan);
		converge(&machine, &slice);
		assert_string_equal(machine_file(&machine, "file", text, "argument"), text);
		static const char *const FIELDS[] = { "content", "owner", "label", "token" };
		for (size_t j = 0; j < COUNT_OF(FIELDS); j++) {
			const char *stored = machine_file(&machine, "file", text, FIELDS[j]);
			json_t *value = json_loads(stored, JSON_DECODE_ANY, NULL);
			assert_string_equal(json_string_value(value), text);
			json_decref(value);
		}
		json_decref(wants);
		machine_clear(&machine);
	}
	AUTO_FREE char *touched = xasprintf("%s/x", machine.state);
	assert_false(file_exists(touched));
	assert_false(file_exists("x"));
}

static void secrets_are_not_shown(void **state)
{
	AUTO_STR struct str slice = STR_INIT;
	struct answer plan;
	(void)state;
	want("[{\"kind\":\"file\",\"fields\":{\"name\":\"a\",\"token\":\"hunter2-old\"}}]");
	slice_line(&slice,
		   "[{\"kind\":\"file\",\"fields\":{\"name\":\"a\",\"token\":\"hunter2-new\"}}]",
		   "[]", "[]");
	plan_of(&machine, &slice, &plan);
	assert_int_equal(answer_count(&plan, MESSAGE_STEP), 1);
	assert_string_equal(plan.items[1].step.changes[0].have, "(secret)");
	assert_string_equal(plan.items[1].step.changes[0].want, "(secret)");
	assert_null(strstr(str_text(&plan.raw), "hunter2"));
	AUTO_FREE char *digest = xstrdup(plan.items[1].step.digest);
	answer_free(&plan);
	/* The digest knows the secret all the same. */
	machine_write(&machine, "file", "a", "token", "\"hunter2-drift\"");
	assert_go(str_text(&slice), "file", "a", digest,
		  "changed since it was planned; plan again");
	converge(&machine, &slice);
	assert_string_equal(machine_file(&machine, "file", "a", "token"), "\"hunter2-new\"");
}

int main(int argc, char **argv)
{
	(void)argc;
	machine_program(argv[0]);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(plan_apply_plan),
		TEST(changes_and_what_is_not_compared),
		TEST(losing_data_needs_both_consents),
		TEST(other_refusals),
		TEST(foreign_resources),
		TEST(half_a_resource_is_removed),
		TEST(changed_since_planned),
		TEST(gone_since_planned),
		TEST(failure_spares_siblings),
		TEST(settling),
		TEST(still_at_it),
		TEST(end_of_file_in_place_of_end),
		TEST(lock_names_its_holder),
		TEST(two_at_once),
		TEST(strings_arrive_unchanged),
		TEST(secrets_are_not_shown),
	};
	return cmocka_run_group_tests_name("apply", tests, NULL, NULL);
}
