/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_ISCSI_H
#define SYSTEM_ISCSI_H
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
/*
 * iSCSI sessions of open-iscsi: the node records, which say how to log in, and
 * the sessions that run; of both one per portal of the target. They are read where they are (/etc/iscsi, /sys) and
 * logged in and out by iscsiadm(8). The record is written as a file, because
 * iscsiadm takes values only as arguments, where everybody could read the
 * CHAP secret.
 */
struct node;

struct iscsi_login {
	char *target_iqn;
	char *portal; /* "10.0.20.14:3260" */
	char *initiator_iqn;
	char *chap_user;
	char *chap_secret;
	char *mutual_secret; /* what the target has to prove itself with, under the same user */
	uint64_t timeout_s;  /* replacement timeout */
};
struct iscsi_session {
	struct iscsi_login login;
	unsigned id; /* UINT_MAX in a record */
	bool logged_in;
	char *disk; /* "sda"; NULL while none is attached */
};
/* One per portal, in the order of their portals. */
struct iscsi_sessions {
	struct iscsi_session *items;
	size_t count;
};
void iscsi_sessions_free(struct iscsi_sessions *sessions);
/* The one over this portal; NULL: none. */
const struct iscsi_session *iscsi_sessions_find(const struct iscsi_sessions *sessions,
						const char *portal);

/* Target IQNs of records and of sessions that start so, each once. */
int iscsi_list(const char *iqn_prefix, struct text_list *iqns, struct err *err);

/* The records of a target: what the next logins will use. One that cannot be read has no portal. */
int iscsi_records_read(const char *target_iqn, struct iscsi_sessions *records, struct err *err);
/* The record of this target and portal; others of the target stay. */
int iscsi_record_write(const struct iscsi_login *login, struct err *err);
/* All records of the target but those of the portals ("A:P A:P"; NULL: none is kept). */
int iscsi_records_remove(const char *target_iqn, const char *portals, struct err *err);

/* The sessions with a target that run, also those that lost it and try to get it back. */
int iscsi_sessions_read(const char *target_iqn, struct iscsi_sessions *sessions, struct err *err);

/* Whether somebody takes a connection at the portal, within 2 s. Asked once in a phase: a node with many
   sessions over a network that is dead must not wait for each of them. */
bool iscsi_portal_answers(struct node *node, const char *portal);

/* This node's name, /etc/iscsi/initiatorname.iscsi; NULL: none. iscsid reads
   it at its start, so a change restarts it; sessions that run go on. */
char *iscsi_initiator_read(void);
int iscsi_initiator_write(const char *initiator_iqn, struct err *err);

int iscsi_log_in(const struct iscsi_login *login, struct err *err);
int iscsi_log_out(const struct iscsi_session *session, struct err *err);
/* Of a session that runs. */
int iscsi_set_timeout(const struct iscsi_session *session, uint64_t timeout_s, struct err *err);
/* Ask the target for the size of the disk again. */
int iscsi_rescan(const struct iscsi_session *session, struct err *err);
#endif
