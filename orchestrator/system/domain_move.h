/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_DOMAIN_MOVE_H
#define SYSTEM_DOMAIN_MOVE_H
#include "system/domain.h"
/*
 * A domain as it is to be on the host that it moves to: libvirt's own XML of it, of which the guest sees
 * nothing else, with the epoch and the ways to its disks there. The caller frees *moved.
 */
int domain_moved(const char *xml, uint64_t epoch, const struct text_list *disks, char **moved,
		 struct err *err);
#endif
