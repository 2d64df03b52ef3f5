/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/utf8.h"
#include "daemon/store.h"
#include "programs/doctor.h"
#include "programs/interrupt.h"
#include "programs/reach.h"
#include "programs/takeover.h"

enum {
	ANSWER_MS = 20000,
	LOOK_MS = 60000,	  /* between two lines: it looks at all before it says the first */
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

/* ---- what it finds by itself ---- */

/* What came so far of its findings. */
struct heard {
	struct doctor *doctor;
	size_t count;
	struct err err;
};

static void not_understood(struct heard *heard, const char *text, size_t length)
{
	enum { SHOWN = 80 };
	AUTO_STR struct str visible = STR_INIT;
	utf8_add_visible(&visible, text, length < SHOWN ? length : SHOWN);
	err_set(&heard->err, "it said \"%s\"", str_text(&visible));
}

static void take_finding(void *context, const char *text, size_t length)
{
	struct heard *heard = context;
	const char *event, *check, *result, *found;
	json_t *advice = NULL; /* null where there is none */
	json_t *json = json_loadb(text, length, 0, NULL);
	if (heard->err.text[0] == '\0' &&
	    json_unpack(json, "{s:s, s:s, s:s, s:s, s?o}", "event", &event, "check", &check,
			"result", &result, "found", &found, "advice", &advice) != 0)
		not_understood(heard, text, length);
	else if (heard->err.text[0] == '\0')
		heard->count +=
			doctor_add_of(heard->doctor, heard->doctor->takeover.node, result, check,
				      found, json_string_value(advice), &heard->err) == 0;
	json_decref(json);
}

static void ask_doctor(struct doctor *doctor)
{
	static const char *const words[] = { "moyai",  "-C",	 STORE_DIR "/site",
					     "doctor", "--json", NULL };
	const struct takeover *takeover = &doctor->takeover;
	const struct takeover_call call = { .words = words,
					    .timeout_ms = LOOK_MS,
					    .stop = interrupt_watch(NULL),
					    /* something fails: its lines say what */
					    .empty_code = EXIT_ERROR };
	struct heard heard = { .doctor = doctor, .err = ERR_INIT };
	struct ssh_options ssh;
	struct err err = ERR_INIT;
	int rc = reach_ssh(doctor->state_dir, &ssh, &err);
	if (rc == 0)
		rc = takeover_lines(&ssh, NULL, takeover, &call, take_finding, &heard, &err);
	if (rc == 0 && heard.err.text[0] != '\0')
		rc = err_set(&err, "%s", heard.err.text);
	if (rc == 0 && heard.count == 0)
		rc = err_set(&err, "it said nothing");
	if (rc == 0)
		return;
	AUTO_FREE char *found = xasprintf("%s cannot look at itself: %s", takeover->node, err.text);
	AUTO_FREE char *advice =
		xasprintf("moyai ssh %s moyai -C " STORE_DIR "/site doctor", takeover->node);
	doctor_add(doctor, DOCTOR_WARN, "manager", found, advice);
}

void doctor_manager(struct doctor *doctor)
{
	struct err err = ERR_INIT;
	const struct takeover *takeover = &doctor->takeover;
	long long ahead_s;
	if (takeover->node == NULL)
		return;
	if (ask_clock(doctor, takeover, &ahead_s, &err) != 0) {
		AUTO_FREE char *found = xasprintf("%s: %s", takeover->node, err.text);
		AUTO_FREE char *advice = xasprintf("moyai power status %s; moyai console %s",
						   takeover->node, takeover->node);
		doctor_add(doctor, DOCTOR_FAIL, "manager", found, advice);
		return;
	}
	AUTO_FREE char *found = xasprintf("%s answers", takeover->node);
	doctor_add(doctor, DOCTOR_OK, "manager", found, NULL);
	judge_clock(doctor, takeover->node, ahead_s);
	ask_doctor(doctor);
}
