/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rules of plan and apply, over a kind in memory: what is compared, what
 * is asked of the kind and in which order, and what a kind cannot take back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/apply.h"
#include "system/node.h"

struct thing {
	char *name;
	char *text;
	char *fixed;
	char *anew;
	char *secret;
	uint64_t size_bytes;
	uint64_t seen;
	int flag;
	struct text_list list, whole;
};
static const struct field FIELDS[] = {
	{ .name = "name", .type = FIELD_TEXT, .offset = offsetof(struct thing, name) },
	{ .name = "text", .type = FIELD_TEXT, .offset = offsetof(struct thing, text) },
	{ .name = "fixed",
	  .type = FIELD_TEXT,
	  .offset = offsetof(struct thing, fixed),
	  .flags = FIELD_FIXED },
	{ .name = "anew",
	  .type = FIELD_TEXT,
	  .offset = offsetof(struct thing, anew),
	  .flags = FIELD_REPLACEABLE },
	{ .name = "secret",
	  .type = FIELD_TEXT,
	  .offset = offsetof(struct thing, secret),
	  .flags = FIELD_SECRET },
	{ .name = "size",
	  .type = FIELD_BYTES,
	  .offset = offsetof(struct thing, size_bytes),
	  .flags = FIELD_GROW_ONLY },
	{ .name = "seen",
	  .type = FIELD_NUMBER,
	  .offset = offsetof(struct thing, seen),
	  .flags = FIELD_VOLATILE },
	{ .name = "flag", .type = FIELD_BOOL, .offset = offsetof(struct thing, flag) },
	{ .name = "list", .type = FIELD_LIST, .offset = offsetof(struct thing, list) },
	{ .name = "whole",
	  .type = FIELD_LIST,
	  .offset = offsetof(struct thing, whole),
	  .flags = FIELD_REPLACEABLE | FIELD_WHOLE },
	FIELD_END
};

/* A kind that would rather not have its data protected. */
static int judge(struct step *step, struct err *err)
{
	(void)err;
	step->loses_data = false;
	return 0;
}

static int needs(const struct spec *spec, struct refs *out, struct err *err)
{
	(void)err;
	(void)spec;
	refs_add(out, NULL, "thing", "ground");
	return 0;
}

static const struct kind_spec thing_spec = {
	.name = "thing",
	.size = sizeof(struct thing),
	.fields = FIELDS,
	.holds_data = true,
	.judge = judge,
	.needs = needs,
};

/* The machine: one thing, as JSON of its fields; and what was asked of it. */
static struct {
	const char *fields; /* NULL: not there */
	const char *id;
	bool marked;
	bool remove_fails, observe_fails, apply_does_nothing;
	struct str calls;
} machine;

static int thing_list(struct node *node, struct text_list *owned, struct err *err)
{
	(void)node;
	(void)err;
	if (machine.marked)
		text_list_add(owned, machine.id);
	return 0;
}

static int thing_observe(struct node *node, const char *id, const struct spec *want,
			 struct spec *have, bool *found, struct err *err)
{
	(void)node;
	(void)want;
	if (machine.observe_fails)
		return err_set(err, "cannot be read");
	*found = machine.fields != NULL && strcmp(id, machine.id) == 0;
	if (!*found)
		return 0;
	json_t *json = json_loads(machine.fields, 0, NULL);
	int rc = fields_from_json(FIELDS, have->body, json, err);
	json_decref(json);
	return rc;
}

static int thing_apply(struct node *node, const struct step *step, struct err *err)
{
	static char fields[4096];
	(void)node;
	(void)err;
	str_addf(&machine.calls, "%s%s ", step_action_text(step->action),
		 step->have ? "" : "(nothing)");
	if (machine.apply_does_nothing)
		return 0;
	json_t *json = fields_to_json(FIELDS, step->want->body);
	AUTO_FREE char *text = json_dumps(json, 0);
	snprintf(fields, sizeof(fields), "%s", text);
	json_decref(json);
	machine.fields = fields;
	machine.id = "a";
	machine.marked = true;
	return 0;
}

static int thing_remove(struct node *node, const char *id, struct err *err)
{
	(void)node;
	str_addf(&machine.calls, "remove:%s ", id);
	if (machine.remove_fails)
		return err_set(err, "in use");
	machine.fields = NULL;
	machine.marked = false;
	return 0;
}

static const struct kind_node thing_node = {
	.name = "thing",
	.list = thing_list,
	.observe = thing_observe,
	.apply = thing_apply,
	.remove = thing_remove,
};

const struct kind_spec *const KIND_SPECS[] = { &thing_spec, NULL };
const struct kind_node *const KIND_NODES[] = { &thing_node, NULL };
void node_forget(struct node *node)
{
	(void)node;
}

/* --- helpers ------------------------------------------------------------ */

static struct slice slice_of(const char *fields, bool consents)
{
	struct slice slice = { .site = xstrdup("demo"), .node = xstrdup("n1") };
	if (fields) {
		json_t *json = json_loads(fields, 0, NULL);
		struct spec *want = spec_list_add(&slice.wants, &thing_spec, "a");
		assert_non_null(json);
		assert_int_equal(fields_from_json(FIELDS, want->body, json, NULL), 0);
		json_decref(json);
	}
	if (consents) {
		text_list_add(&slice.may_lose, "thing/a");
		text_list_add(&slice.consent, "n1/thing/a");
	}
	return slice;
}

static void there(const char *fields)
{
	str_free(&machine.calls);
	memset(&machine, 0, sizeof(machine));
	machine.fields = fields;
	machine.id = "a";
	machine.marked = fields != NULL;
}

/* "keep", or the action and its refusal. */
static void assert_plan(const char *have, const char *want, const char *expected)
{
	struct node node = { 0 };
	struct plan plan;
	struct slice slice = slice_of(want, false);
	there(have);
	assert_int_equal(plan_make(&node, &slice, &plan, NULL), 0);
	AUTO_STR struct str got = STR_INIT;
	if (plan.count == 0)
		str_add(&got, plan.kept ? "keep" : "nothing");
	for (size_t i = 0; i < plan.count; i++)
		str_addf(&got, "%s%s%s", step_action_text(plan.items[i].action),
			 plan.items[i].refused ? ": " : "",
			 plan.items[i].refused ? plan.items[i].refused : "");
	assert_string_equal(str_text(&got), expected);
	assert_string_equal(str_text(&machine.calls), "");
	plan_free(&plan);
	slice_free(&slice);
}

static void assert_apply(const char *want, bool consents, const char *error, const char *calls)
{
	struct node node = { 0 };
	struct err err = ERR_INIT;
	struct slice slice = slice_of(want, consents);
	int rc = apply_step(&node, &slice, "thing", "a", NULL, &err);
	assert_string_equal(rc ? err.text : "", error);
	assert_string_equal(str_text(&machine.calls), calls);
	slice_free(&slice);
}

#define LOSE                                                                                       \
	"would lose the data of thing/a; to allow it write may_lose = [ \"thing/a\" ] in node n1 " \
	"and run with --allow-data-loss=n1/thing/a"

/* --- tests -------------------------------------------------------------- */

static void assert_warnings(const char *have, const char *want, const char *expected)
{
	struct node node = { 0 };
	struct plan plan;
	struct slice slice = slice_of(want, true);
	AUTO_STR struct str got = STR_INIT;
	there(have);
	assert_int_equal(plan_make(&node, &slice, &plan, NULL), 0);
	for (size_t i = 0; i < plan.warning_count; i++)
		str_addf(&got, "%s/%s: %s\n", plan.warnings[i].kind->name, plan.warnings[i].id,
			 plan.warnings[i].text);
	assert_string_equal(str_text(&got), expected);
	plan_free(&plan);
	slice_free(&slice);
}

/* Consent for what is wanted, or still there, or neither. */
static void consent_for_nothing(void **state)
{
	(void)state;
	assert_warnings(NULL, "{\"name\":\"a\"}", "");
	assert_warnings("{\"name\":\"a\"}", NULL, "");
	assert_warnings(NULL, NULL,
			"thing/a: may_lose of n1 names it, and there is none, neither in the "
			"configuration nor on the node; take it out\n");
}

static void what_is_compared(void **state)
{
	(void)state;
	assert_plan(NULL, NULL, "nothing");
	assert_plan(NULL, "{\"name\":\"a\"}", "create");
	assert_plan("{}", "{\"name\":\"a\"}", "keep");
	assert_plan("{\"name\":\"other\"}", "{\"name\":\"a\"}", "keep");
	assert_plan("{\"text\":\"x\"}", "{\"name\":\"a\",\"text\":\"x\"}", "keep");
	assert_plan("{\"text\":\"x\"}", "{\"name\":\"a\",\"text\":\"y\"}", "change");
	assert_plan("{\"text\":\"x\"}", "{\"name\":\"a\"}", "keep");
	assert_plan("{}", "{\"name\":\"a\",\"text\":\"\"}", "change");
	assert_plan("{\"flag\":true}", "{\"name\":\"a\",\"flag\":false}", "change");
	assert_plan("{\"list\":[\"p\",\"q\"]}", "{\"name\":\"a\",\"list\":[\"p\",\"q\"]}", "keep");
	assert_plan("{\"list\":[\"p\"]}", "{\"name\":\"a\",\"list\":[\"p\",\"q\"]}", "change");
	assert_plan("{\"list\":[\"p\"]}", "{\"name\":\"a\"}", "keep");
	assert_plan("{}", "{\"name\":\"a\",\"list\":[\"p\"]}", "change");
	assert_plan("{\"seen\":1}", "{\"name\":\"a\",\"seen\":2}", "keep");
	assert_plan("{\"secret\":\"x\"}", "{\"name\":\"a\",\"secret\":\"x\"}", "keep");
	assert_plan("{\"secret\":\"x\"}", "{\"name\":\"a\",\"secret\":\"y\"}", "change");
}

static void what_is_refused(void **state)
{
	(void)state;
	assert_plan("{\"fixed\":\"x\"}", "{\"name\":\"a\",\"fixed\":\"y\"}",
		    "change: fixed cannot be changed: it is x, wanted y");
	/* A crash in the middle of a creation left it without one. */
	assert_plan("{}", "{\"name\":\"a\",\"fixed\":\"y\"}", "change");
	assert_plan("{}", "{\"name\":\"a\",\"anew\":\"y\"}", "change");
	assert_plan("{\"size\":1024}", "{\"name\":\"a\",\"size\":2048}", "change");
	assert_plan("{\"size\":2048}", "{\"name\":\"a\",\"size\":1024}",
		    "change: size can only grow: it is 2K, wanted 1K");
	assert_plan("{\"anew\":\"x\"}", "{\"name\":\"a\",\"anew\":\"y\"}", "replace: " LOSE);
	/* Where none is a value of its own. */
	assert_plan("{}", "{\"name\":\"a\"}", "keep");
	assert_plan("{\"whole\":[\"p\"]}", "{\"name\":\"a\"}", "replace: " LOSE);
	assert_plan("{}", "{\"name\":\"a\",\"whole\":[\"p\"]}", "replace: " LOSE);
	/* What is made anew may be smaller. */
	assert_plan("{\"anew\":\"x\",\"size\":2048}",
		    "{\"name\":\"a\",\"anew\":\"y\",\"size\":1024}", "replace: " LOSE);
	assert_plan("{\"anew\":\"x\",\"fixed\":\"x\"}",
		    "{\"name\":\"a\",\"anew\":\"y\",\"fixed\":\"y\"}",
		    "replace: fixed cannot be changed: it is x, wanted y; " LOSE);
	assert_plan("{}", NULL, "remove: " LOSE);
}

static void replace_is_remove_and_create(void **state)
{
	(void)state;
	there("{\"anew\":\"x\"}");
	assert_apply("{\"name\":\"a\",\"anew\":\"y\"}", true, "", "remove:a create(nothing) ");
	there("{\"anew\":\"x\"}");
	assert_apply("{\"name\":\"a\",\"anew\":\"y\"}", false, LOSE, "");
	there("{\"anew\":\"x\"}");
	machine.remove_fails = true;
	assert_apply("{\"name\":\"a\",\"anew\":\"y\"}", true, "in use", "remove:a ");
	there("{\"anew\":\"x\"}");
	machine.marked = false;
	assert_apply("{\"name\":\"a\",\"anew\":\"y\"}", true,
		     "it is there without the mark of this site, so it is not removed", "");
}

static void apply_asks_only_what_is_needed(void **state)
{
	(void)state;
	there(NULL);
	assert_apply("{\"name\":\"a\",\"text\":\"x\"}", false, "", "create(nothing) ");
	/* Again: as wanted. */
	str_clear(&machine.calls);
	assert_apply("{\"name\":\"a\",\"text\":\"x\"}", false, "", "");
	assert_apply("{\"name\":\"a\",\"text\":\"y\"}", false, "", "change ");
	str_clear(&machine.calls);
	assert_apply(NULL, true, "", "remove:a ");
	str_clear(&machine.calls);
	assert_apply(NULL, true, "", "");
	there("{\"text\":\"x\"}");
	machine.apply_does_nothing = true;
	assert_apply("{\"name\":\"a\",\"text\":\"y\",\"flag\":true}", false,
		     "did not come true: text is x, wanted y, flag is not set, wanted true",
		     "change ");
	there(NULL);
	machine.apply_does_nothing = true;
	assert_apply("{\"name\":\"a\"}", false, "did not come true: it is not there",
		     "create(nothing) ");
	there("{}");
	machine.observe_fails = true;
	assert_apply("{\"name\":\"a\"}", false, "cannot be read", "");
}

static char *digest_of(const char *have)
{
	struct node node = { 0 };
	struct plan plan;
	struct slice slice = slice_of("{\"name\":\"a\",\"text\":\"never this\"}", false);
	there(have);
	assert_int_equal(plan_make(&node, &slice, &plan, NULL), 0);
	assert_int_equal(plan.count, 1);
	char *digest = xstrdup(plan.items[0].digest);
	plan_free(&plan);
	slice_free(&slice);
	return digest;
}

static void assert_digests(const char *a, const char *b, bool equal)
{
	AUTO_FREE char *first = digest_of(a);
	AUTO_FREE char *second = digest_of(b);
	assert_int_equal(strlen(first), 64);
	assert_int_equal(strcmp(first, second) == 0, equal);
}

static void digests(void **state)
{
	(void)state;
	assert_digests("{\"text\":\"x\",\"size\":1}", "{\"size\":1,\"text\":\"x\"}", true);
	assert_digests("{\"text\":\"x\"}", "{\"text\":\"y\"}", false);
	assert_digests("{\"text\":\"x\"}", "{\"fixed\":\"x\"}", false);
	assert_digests("{\"text\":\"x\"}", "{\"text\":\"x\",\"size\":1}", false);
	assert_digests("{\"text\":\"x\",\"seen\":1}", "{\"text\":\"x\",\"seen\":2}", true);
	assert_digests("{\"secret\":\"x\"}", "{\"secret\":\"x\"}", true);
	assert_digests("{\"secret\":\"x\"}", "{\"secret\":\"y\"}", false);
	AUTO_FREE char *absent = digest_of(NULL);
	assert_string_equal(absent, "absent");
}

/* Of wanted and of observed resources, each once. */
static void needs_are_collected_once(void **state)
{
	struct node node = { 0 };
	struct plan plan;
	struct slice slice = slice_of("{\"name\":\"a\",\"text\":\"y\"}", false);
	(void)state;
	there("{\"text\":\"x\"}");
	assert_int_equal(plan_make(&node, &slice, &plan, NULL), 0);
	assert_int_equal(plan.items[0].needs.count, 1);
	assert_string_equal(plan.items[0].needs.items[0].id, "ground");
	plan_free(&plan);
	slice_free(&slice);
}

static void failures_name_the_resource(void **state)
{
	struct node node = { 0 };
	struct plan plan;
	struct err err = ERR_INIT;
	struct slice slice = slice_of("{\"name\":\"a\"}", false);
	(void)state;
	there("{}");
	machine.observe_fails = true;
	assert_int_equal(plan_make(&node, &slice, &plan, &err), -1);
	assert_string_equal(err.text, "thing a: cannot be read");
	slice_free(&slice);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_compared),
		cmocka_unit_test(consent_for_nothing),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(replace_is_remove_and_create),
		cmocka_unit_test(apply_asks_only_what_is_needed),
		cmocka_unit_test(digests),
		cmocka_unit_test(needs_are_collected_once),
		cmocka_unit_test(failures_name_the_resource),
	};
	return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
