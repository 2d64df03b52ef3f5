/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "programs/show.h"

static const char *const LEVELS[] = {
	[DOCTOR_OK] = "ok", [DOCTOR_WARN] = "warn", [DOCTOR_FAIL] = "fail"
};

void doctor_add(struct doctor *doctor, enum doctor_level level, const char *check,
		const char *found, const char *advice)
{
	doctor->findings = xrealloc(doctor->findings, doctor->count + 1, sizeof(*doctor->findings));
	doctor->findings[doctor->count++] =
		(struct doctor_finding){ NULL, xstrdup(check), xstrdup(found), xstrdup(advice),
					 level };
}

int doctor_add_of(struct doctor *doctor, const char *node, const char *level, const char *check,
		  const char *found, const char *advice, struct err *err)
{
	for (size_t i = 0; i < COUNT_OF(LEVELS); i++) {
		if (strcmp(LEVELS[i], level) != 0)
			continue;
		doctor_add(doctor, (enum doctor_level)i, check, found, advice);
		doctor->findings[doctor->count - 1].node = xstrdup(node);
		return 0;
	}
	return err_set(err, "\"%s\" is no result of a check", level);
}

char *doctor_git(const struct doctor *doctor)
{
	return doctor->here ? xasprintf("%s/site.git", takeover_store())
			    : xstrdup(doctor->options->site_dir);
}

/* True when it may be used. */
static bool read_site(struct doctor *doctor, struct site *site)
{
	struct err err = ERR_INIT;
	struct mistakes mistakes = MISTAKES_INIT;
	const char *dir = doctor->options->site_dir;
	if (site_read(dir, doctor->options->share_dir, site, &mistakes, &err) != 0) {
		doctor_add(doctor, DOCTOR_FAIL, "site", err.text,
			   "choose a site with -C DIR, or begin one: moyai init DIR");
		return false;
	}
	size_t count = mistakes.count;
	mistakes_free(&mistakes);
	if (count == 0) {
		doctor_add(doctor, DOCTOR_OK, "site", site->name, NULL);
		return true;
	}
	AUTO_FREE char *found = xasprintf("%zu mistake%s in %s", count, count == 1 ? "" : "s", dir);
	doctor_add(doctor, DOCTOR_FAIL, "site", found, "moyai validate");
	site_free(site);
	return false;
}

static void print_json(const struct doctor *doctor, struct str *out)
{
	for (size_t i = 0; i < doctor->count; i++) {
		const struct doctor_finding *at = &doctor->findings[i];
		show_json_line(out,
			       json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s?}", "event", "check",
					 "check", at->check, "result", LEVELS[at->level], "found",
					 at->found, "advice", at->advice, "node", at->node));
	}
}

static void print_text(const struct doctor *doctor, struct str *out)
{
	struct show_table table = { .columns = 4 };
	show_cell(&table, "CHECK");
	show_cell(&table, "RESULT");
	show_cell(&table, "FOUND");
	show_cell(&table, "WHAT TO DO");
	for (size_t i = 0; i < doctor->count; i++) {
		const struct doctor_finding *at = &doctor->findings[i];
		AUTO_FREE char *check = xasprintf("%s: %s", at->node ? at->node : "", at->check);
		show_cell(&table, at->node ? check : at->check);
		show_cell(&table, LEVELS[at->level]);
		show_cell(&table, at->found);
		show_cell(&table, at->advice ? at->advice : "-");
	}
	show_table_print(&table, out);
	show_table_free(&table);
}

static int finish(struct doctor *doctor)
{
	AUTO_STR struct str out = STR_INIT;
	int result = EXIT_OK;
	if (doctor->options->json)
		print_json(doctor, &out);
	else
		print_text(doctor, &out);
	fputs(str_text(&out), stdout);
	for (size_t i = 0; i < doctor->count; i++) {
		if (doctor->findings[i].level == DOCTOR_FAIL)
			result = EXIT_ERROR;
		free(doctor->findings[i].node);
		free(doctor->findings[i].check);
		free(doctor->findings[i].found);
		free(doctor->findings[i].advice);
	}
	free(doctor->findings);
	takeover_free(&doctor->takeover);
	return result;
}

/* Who has taken over: some things are looked at there, and not here. */
static void read_takeover(struct doctor *doctor)
{
	struct err err = ERR_INIT;
	if (doctor->state_dir == NULL)
		return;
	doctor->here = takeover_is_here(doctor->state_dir);
	if (takeover_read(doctor->state_dir, &doctor->takeover, &err) != 0)
		doctor_add(doctor, DOCTOR_FAIL, "manager", err.text,
			   "moyai bootstrap writes it anew");
}

static int run(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct site site;
	struct doctor doctor = { .options = options };
	AUTO_FREE char *state = NULL;
	if (argc > 0) {
		err_set(&err, "doctor takes no \"%s\"; moyai why NODE is about a node", argv[0]);
		return command_fail(&err);
	}
	if (read_site(&doctor, &site)) {
		doctor.site = &site;
		doctor.state_dir = state = command_state_dir(options, &site);
	}
	read_takeover(&doctor);
	doctor_machine(&doctor);
	doctor_site(&doctor);
	doctor_manager(&doctor);
	if (doctor.site)
		site_free(&site);
	return finish(&doctor);
}

const struct command command_doctor = {
	.name = "doctor",
	.usage = "",
	.summary = "what is missing or wrong on this machine, and what to do about it",
	.doc = "Looks at the tools that moyai runs, the interface and ports that it serves boots\n"
	       "on, the clock, disk space, the site and its repository, keys and passwords with\n"
	       "their modes and backup, and the images.\n"
	       "\n"
	       "Where a cluster manager has taken over, also whether it answers and has the same\n"
	       "time; then it looks at itself in the same way, and its rows begin with its name.\n"
	       "There these ports must be held by moyaid.\n"
	       "\n"
	       "Exits with 1 when something fails; a warning is about what not every machine\n"
	       "needs.",
	.run = run,
};
