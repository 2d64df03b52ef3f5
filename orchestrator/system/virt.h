/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_VIRT_H
#define SYSTEM_VIRT_H
#include "system/domain.h"
#include "system/node.h"
/*
 * Virtual machines by libvirt's C API. A node without libvirt, or on which it has none to run, is
 * one without guests; one on which it does not answer is an error.
 */

/* Names of the domains that carry this site's mark. */
int virt_list(struct node *node, struct text_list *names, struct err *err);
/* state: in our words, "running", "paused" …; the caller frees. Of a domain without our mark found
   is false. */
int virt_read(struct node *node, const char *name, struct domain *domain, char **state, bool *found,
	      struct err *err);
/* A transient domain: there while it runs. One of this name that runs is an error. */
int virt_start(const struct domain *domain, struct err *err);
/* One that is paused goes on. */
int virt_resume(const char *name, struct err *err);
/* Asked to shut down, and switched off when it has not after a while. None of this name is fine. */
int virt_stop(const char *name, struct err *err);
#endif
