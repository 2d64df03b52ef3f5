/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "programs/doctor.h"
#include "programs/interrupt.h"
#include "programs/reach.h"
#include "programs/takeover.h"

enum {
	ANSWER_MS = 20000,
	CLOCKS_DIFFER_S = 5,	  /* more than a slow answer, less than what anybody means */
	CLOCKS_WRONG_S = 60 * 60, /* no time zone, no leap second: one of them is set wrong */
};

/* What `date +%s` printed. */
static int read_seconds(const char *text, long long *seconds, struct err *err)
{
	char *end;
	errno = 0;
	*seconds = strtoll(text, &end, 10);
	if (errno != 0 || end == text || (*end != '\n' && *end != '\0'))
		return err_set(err, "its clock cannot be read: \"%.*s\"", (int)strcspn(text, "\n"),
			       text);
	return 0;
}

/* How far the manager's clock is ahead of ours, which is taken between question and answer. */
static int ask_clock(const struct doctor *doctor, const struct takeover *takeover,
		     long long *ahead_s, struct err *err)
{
	static const char *const words[] = { "date", "+%s", NULL };
	const struct takeover_call call = { .words = words,
					    .timeout_ms = ANSWER_MS,
					    .stop = interrupt_watch(NULL) };
	AUTO_STR struct str out = STR_INIT;
	struct ssh_options ssh;
	long long theirs;
	time_t asked = time(NULL);
	if (reach_ssh(doctor->state_dir, &ssh, err) != 0 ||
	    takeover_run(&ssh, takeover->node, takeover->address, &call, &out, err) != 0 ||
	    read_seconds(str_text(&out), &theirs, err) != 0)
		return -1;
	time_t answered = time(NULL);
	*ahead_s = theirs < asked ? theirs - asked : theirs > answered ? theirs - answered : 0;
	return 0;
}

static void judge_clock(struct doctor *doctor, const char *node, long long ahead_s)
{
	unsigned long long apart_s = (unsigned long long)llabs(ahead_s);
	if (apart_s <= CLOCKS_DIFFER_S) {
		doctor_add(doctor, DOCTOR_OK, "manager clock", "agrees with this one", NULL);
		return;
	}
	AUTO_FREE char *found = xasprintf("%s is %llu s %s this machine", node, apart_s,
					  ahead_s > 0 ? "ahead of" : "behind");
	AUTO_FREE char *advice =
		xasprintf("set the one that is wrong: date; moyai ssh %s date", node);
	doctor_add(doctor, apart_s > CLOCKS_WRONG_S ? DOCTOR_FAIL : DOCTOR_WARN, "manager clock",
		   found, advice);
}

void doctor_manager(struct doctor *doctor)
{
	struct err err = ERR_INIT;
	struct takeover takeover = { 0 };
	long long ahead_s;
	if (doctor->state_dir == NULL)
		return;
	if (takeover_read(doctor->state_dir, &takeover, &err) != 0) {
		doctor_add(doctor, DOCTOR_FAIL, "manager", err.text,
			   "moyai bootstrap writes it anew");
	} else if (takeover.node != NULL && ask_clock(doctor, &takeover, &ahead_s, &err) != 0) {
		AUTO_FREE char *found = xasprintf("%s: %s", takeover.node, err.text);
		AUTO_FREE char *advice = xasprintf("moyai power status %s; moyai console %s",
						   takeover.node, takeover.node);
		doctor_add(doctor, DOCTOR_FAIL, "manager", found, advice);
	} else if (takeover.node != NULL) {
		AUTO_FREE char *found = xasprintf("%s answers", takeover.node);
		doctor_add(doctor, DOCTOR_OK, "manager", found, NULL);
		judge_clock(doctor, takeover.node, ahead_s);
	}
	takeover_free(&takeover);
}
