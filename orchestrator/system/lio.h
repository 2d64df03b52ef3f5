/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_LIO_H
#define SYSTEM_LIO_H
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
/*
 * iSCSI targets of the kernel (LIO) through configfs. A target here is one
 * IQN with one portal group, one LUN 0 and one initiator; or two, of the same secrets.
 */
struct lio_target {
	char *iqn;
	char *device; /* block device, or image file when `file` */
	bool file;
	bool discards; /* the initiator is told that it may (a thin volume, a tmpfs) */
	uint64_t size; /* bytes; wanted only for files: a block device has its own */
	char *serial;
	char *portals;	     /* sorted: "10.0.20.14:3260 10.0.21.14:3260" */
	char *initiator_iqn; /* all, sorted, separated by spaces */
	char *chap_user;
	char *chap_secret;
	char *mutual_secret; /* the target proves itself with it, under the same user; NULL: it is not asked to */
	bool closed;  /* nothing but what is asked for: see lio.c */
	bool enabled; /* answers */
};
void lio_target_free(struct lio_target *target);

/* IQNs that start so. */
int lio_list(const char *iqn_prefix, struct text_list *iqns, struct err *err);
int lio_read(const char *iqn, struct lio_target *target, bool *found, struct err *err);
/* Make it so, from whatever is there. What already is as wanted is not
   touched, so sessions stay up unless the device behind LUN 0 changes. */
int lio_make(const struct lio_target *want, struct err *err);
/* Refused while an initiator is logged in. */
int lio_remove(const char *iqn, struct err *err);
#endif
