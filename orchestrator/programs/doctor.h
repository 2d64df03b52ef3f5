/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_DOCTOR_H
#define PROGRAMS_DOCTOR_H
#include "model/site.h"
#include "programs/command.h"
/* What `moyai doctor` finds out about the machine it runs on and about the manager, in the order of its table. */
enum doctor_level { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

struct doctor {
	const struct options *options;
	const struct site *site; /* NULL: there is none that could be read */
	const char *state_dir;	 /* NULL: unknown without a site */
	struct doctor_finding {
		char *check, *found, *advice; /* advice NULL: nothing to do */
		enum doctor_level level;
	} * findings;
	size_t count;
};

/* All three texts are copied. */
void doctor_add(struct doctor *doctor, enum doctor_level level, const char *check,
		const char *found, const char *advice);

/* doctor_machine.c: tools, ports, the boot interface, the clock, disk space. */
void doctor_machine(struct doctor *doctor);
/* doctor_site.c: the site in git, keys and their backup, images. */
void doctor_site(struct doctor *doctor);
/* doctor_manager.c: whether the cluster manager that has taken over answers, and its clock. */
void doctor_manager(struct doctor *doctor);
#endif
