/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KINDS_TARGET_SPEC_H
#define KINDS_TARGET_SPEC_H
#include "engine/kind.h"
/*
 * An iSCSI target of the kernel (LIO): one volume or memory as LUN 0, for
 * exactly one initiator, with CHAP. Its IQN is told in engine/export.h. While a guest moves from
 * one host to another both are let in; the guest runs on one of them.
 *
 * Each side proves itself to the other, unless a guest's QEMU logs in by itself: its initiator (libiscsi as
 * QEMU uses it) cannot ask the target for a proof.
 */
struct target {
	char *name;
	char *volume;
	char *memory;
	char *initiator;
	char *also; /* the node that its guest is moving to; NULL: it stays */
	char *network;
	struct text_list more_networks;
	char *guest; /* whose QEMU logs in, on the initiator; NULL: the node itself does */
	struct text_list links; /* interfaces of the networks that are tagged; derived */
	char *iqn;		/* derived, as all below */
	char *initiator_iqn;	/* one, or two separated by a space; observed: every ACL */
	char *portals;		/* sorted: "10.0.20.11:3260 10.0.21.11:3260" */
	char *device;		/* block device or image file */
	uint64_t size;		/* bytes the initiator sees */
	char *chap_user;
	char *chap_secret;
	char *mutual_secret; /* the target proves itself with it */
	int one_way;	     /* … and is not asked to; not said where it is */
	char *serial;	     /* unit serial: the initiator's name of the disk follows from it */
	int discards;	     /* a thin volume or a tmpfs, and the initiator is told so */
	int closed;	     /* demo mode off, authentication on, everything not asked for off */
	int enabled;
};
extern const struct kind_spec target_spec;
#endif
