/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_WHY_RULES_H
#define PROGRAMS_WHY_RULES_H
#include "base/str.h"
#include "daemon/boot.h"
/*
 * From what was seen of a node to the likely cause, in one sentence, and what to do next. Pure:
 * a table, of which the first row that fits is the answer.
 */
enum why_ssh {
	WHY_ANSWERS,   /* moyai-node answered */
	WHY_CANNOT,    /* it answered, and could not say what it has */
	WHY_SILENT,    /* nothing at its address */
	WHY_CLOSED,    /* a system, and no sshd */
	WHY_OTHER_KEY, /* another host key than the pinned one */
	WHY_NO_PIN,    /* a host key, and none is pinned */
	WHY_LOGIN,     /* our key is not taken */
	WHY_LOST,      /* anything else before moyai-node answered */
};

struct why_seen {
	const char *node, *role;
	enum why_ssh ssh;
	const char *ssh_error; /* NULL: none */
	size_t steps, refused_steps;
	const char *refused_step; /* why one is refused; NULL: none */

	bool maintenance;
	const char *maintenance_reason; /* NULL: none was given */

	enum boot_stage stage;
	unsigned percent;
	uint64_t stage_age_s;	  /* since it was reached */
	const char *stage_age;	  /* the same for people */
	const char *boot_error;	  /* of BOOT_FAILED */
	const char *boot_refused; /* the last refusal since the boot began; NULL: none */
	bool image_missing;	  /* no image of its role is there */
	bool served;		  /* something answers where boots are served */
	const char *manager;	  /* the node that has taken over; NULL: nobody has */
	const char *server;	  /* the address that it serves boots at */
};

struct why_answer {
	bool fine;
	char *cause, *next; /* next NULL: nothing is to be done */
};
/* The caller frees both texts. */
void why_judge(const struct why_seen *seen, struct why_answer *answer);

/* What ssh's error means; WHY_LOST when it says none of what we know. */
enum why_ssh why_ssh_error(const char *error);
#endif
