/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_DOCTOR_H
#define PROGRAMS_DOCTOR_H
#include "model/site.h"
#include "programs/command.h"
#include "programs/takeover.h"
/* What `moyai doctor` finds out about the machine it runs on, and about the manager, which it asks for
   what it finds out there. In the order of its table. */
enum doctor_level { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

struct doctor {
	const struct options *options;
	const struct site *site;  /* NULL: there is none that could be read */
	const char *state_dir;	  /* NULL: unknown without a site */
	bool here;		  /* this machine is the manager */
	struct takeover takeover; /* another one is, when there are names in it */
	struct doctor_finding {
		char *node;		      /* NULL: this machine */
		char *check, *found, *advice; /* advice NULL: nothing to do */
		enum doctor_level level;
	} * findings;
	size_t count;
};

/* All texts are copied. */
void doctor_add(struct doctor *doctor, enum doctor_level level, const char *check,
		const char *found, const char *advice);
/* Of another machine, as that says it: "ok", "warn" or "fail". */
int doctor_add_of(struct doctor *doctor, const char *node, const char *level, const char *check,
		  const char *found, const char *advice, struct err *err);

/* The repository that the site is in; the caller frees. */
char *doctor_git(const struct doctor *doctor);

/* doctor_machine.c: tools, ports, the boot interface, the clock, disk space. */
void doctor_machine(struct doctor *doctor);
/* doctor_site.c: the site in git, keys and their backup, passwords of BMCs, images. */
void doctor_site(struct doctor *doctor);
/* doctor_manager.c: whether the cluster manager that has taken over answers, its clock, and what
   its own doctor finds. */
void doctor_manager(struct doctor *doctor);
#endif
