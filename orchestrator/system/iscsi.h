/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_ISCSI_H
#define SYSTEM_ISCSI_H
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
/*
 * iSCSI sessions of open-iscsi: the node record, which says how to log in, and
 * the session that runs. They are read where they are (/etc/iscsi, /sys) and
 * logged in and out by iscsiadm(8). The record is written as a file, because
 * iscsiadm takes values only as arguments, where everybody could read the
 * CHAP secret.
 */
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
	unsigned id; /* of the session; UINT_MAX in a record */
	bool logged_in;
	char *disk; /* "sda"; NULL while none is attached */
};
void iscsi_login_free(struct iscsi_login *login);
void iscsi_session_free(struct iscsi_session *session);

/* Target IQNs of records and of sessions that start so, each once. */
int iscsi_list(const char *iqn_prefix, struct text_list *iqns, struct err *err);

/* The record: what the next login will use. */
int iscsi_record_read(const char *target_iqn, struct iscsi_login *record, bool *found,
		      struct err *err);
/* The one record of this target; others of it are removed. */
int iscsi_record_write(const struct iscsi_login *login, struct err *err);
int iscsi_record_remove(const char *target_iqn, struct err *err);

/* The session that runs. */
int iscsi_session_read(const char *target_iqn, struct iscsi_session *session, bool *found,
		       struct err *err);

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
