/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/apply.h"

#include <stdlib.h>
#include <time.h>

#include "base/point.h"
#include "engine/judge.h"
#include "system/node.h"

enum { SETTLE_FIRST_PAUSE_MS = 20, SETTLE_LONGEST_PAUSE_MS = 500 };

static uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void pause_ms(uint64_t ms)
{
	nanosleep(&(struct timespec){ (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 }, NULL);
}

/* The resource as it is at this moment: nothing of what was seen before counts. */
static int judge_now(struct node *node, const struct slice *slice, const struct kind_spec *kind,
		     const struct kind_node *machine, const char *id, struct spec *want,
		     struct judged *out, struct err *err)
{
	AUTO_LIST struct text_list owned = TEXT_LIST_INIT;
	node_forget(node);
	if (machine->list(node, &owned, err) != 0)
		return -1;
	int rc = judge_resource(node, slice, kind, id, want, text_list_has(&owned, id), out, err);
	free(out->warning);
	out->warning = NULL;
	return rc;
}

static int carry_out(struct node *node, const struct kind_node *machine, const struct step *step,
		     struct err *err)
{
	AUTO_FREE char *point =
		xasprintf("%s %s/%s", step_action_text(step->action), step->kind->name, step->id);
	struct step create = *step;
	int rc = 0;
	point_pass(point);
	if (step->action == STEP_REMOVE || step->action == STEP_REPLACE)
		rc = machine->remove(node, step->id, err);
	if (rc == 0 && step->action == STEP_REPLACE) {
		point_pass(point);
		node_forget(node);
		/* To the kind the second half is what it is after a crash between
		   the two: something to create. */
		create.action = STEP_CREATE;
		create.have = NULL;
		rc = machine->apply(node, &create, err);
	} else if (rc == 0 && step->action != STEP_REMOVE) {
		rc = machine->apply(node, step, err);
	}
	point_pass(point);
	return rc;
}

/* "size is 1G, wanted 2G", for everything that is still not as wanted. */
static void describe_rest(const struct step *step, struct str *out)
{
	if (step->action == STEP_REMOVE) {
		str_add(out, "it is still there");
		return;
	}
	if (step->have == NULL) {
		str_add(out, "it is not there");
		return;
	}
	for (const struct field *field = step->kind->fields; field->name; field++) {
		AUTO_STR struct str have = STR_INIT;
		AUTO_STR struct str want = STR_INIT;
		if (!step_field_changes(step, field))
			continue;
		field_print(field, step->have->body, &have);
		field_print(field, step->want->body, &want);
		str_addf(out, "%s%s is %s, wanted %s", out->length ? ", " : "", field->name,
			 have.length ? str_text(&have) : "not set", str_text(&want));
	}
}

static int did_not_come_true(unsigned settle_ms, const char *rest, struct err *err)
{
	if (settle_ms == 0)
		return err_set(err, "did not come true: %s", rest);
	if (settle_ms % 1000 == 0)
		return err_set(err, "did not come true within %u s: %s", settle_ms / 1000, rest);
	return err_set(err, "did not come true within %u ms: %s", settle_ms, rest);
}

/* Observe until nothing differs or the kind's time is up. */
static int settle(struct node *node, const struct slice *slice, const struct kind_spec *kind,
		  const struct kind_node *machine, const char *id, struct spec *want,
		  struct err *err)
{
	uint64_t deadline = now_ms() + machine->settle_ms;
	uint64_t pause = SETTLE_FIRST_PAUSE_MS;
	for (;;) {
		AUTO_STR struct str rest = STR_INIT;
		struct judged judged;
		struct err why = ERR_INIT;
		bool last = now_ms() >= deadline;
		if (judge_now(node, slice, kind, machine, id, want, &judged, &why) != 0) {
			/* What just changes may be unreadable for a moment. */
			str_add(&rest, why.text);
		} else if (!judged.differs) {
			return 0;
		} else {
			describe_rest(&judged.step, &rest);
			step_free(&judged.step);
		}
		if (last)
			return did_not_come_true(machine->settle_ms, str_text(&rest), err);
		/* Never asleep past the deadline: one last look is taken there. */
		uint64_t now = now_ms();
		uint64_t left = deadline > now ? deadline - now : 0;
		pause_ms(pause < left ? pause : left);
		pause = pause * 2 < SETTLE_LONGEST_PAUSE_MS ? pause * 2 : SETTLE_LONGEST_PAUSE_MS;
	}
}

/*
 * What other steps of the same apply may have changed since the plan, where no data is at stake:
 * what had been there and is gone now is made as wanted, or forgotten as wanted (two vlans that
 * change their tags with each other, one that gets another name); and what is to go goes, however
 * it looks by now (a bridge whose port is in another bridge already). But where data was, nobody
 * is given an empty thing in its place unasked.
 */
static bool still_meant(const struct step *step)
{
	return (step->action == STEP_CREATE || step->action == STEP_REMOVE) &&
	       !step->kind->holds_data;
}

int apply_step(struct node *node, const struct slice *slice, const char *kind_name, const char *id,
	       const char *digest, struct err *err)
{
	const struct kind_spec *kind = kind_find(kind_name);
	struct judged judged;
	int rc = 0;
	if (kind == NULL)
		return err_set(err, "there is no kind %s", kind_name);
	const struct kind_node *machine = judge_kind_node(kind_name, err);
	struct spec *want = spec_list_find(&slice->wants, kind_name, id);
	if (machine == NULL || judge_now(node, slice, kind, machine, id, want, &judged, err) != 0)
		return -1;
	if (!judged.differs)
		return 0;
	if (digest && !text_equal(digest, judged.step.digest) && !still_meant(&judged.step))
		rc = err_set(err, "changed since it was planned; plan again");
	else if (judged.step.refused)
		rc = err_set(err, "%s", judged.step.refused);
	else
		rc = carry_out(node, machine, &judged.step, err);
	step_free(&judged.step);
	if (rc == 0)
		rc = settle(node, slice, kind, machine, id, want, err);
	node_forget(node);
	return rc;
}
