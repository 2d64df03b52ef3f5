/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_VIRT_H
#define SYSTEM_VIRT_H
#include "system/domain.h"
#include "system/node.h"
/*
 * Virtual machines by libvirt's C API. A node without libvirt, or on which it has none to run, is
 * one without guests; one on which it does not answer is an error.
 */
struct domains {
	struct domain *items;
	size_t count;
};
void domains_free(struct domains *domains);

/* node->domains: those with this site's mark, once per phase. */
int virt_read(struct node *node, struct err *err);
/* Of what was read; NULL: there is none. Valid until node_forget(). */
const struct domain *virt_find(const struct node *node, const char *name);
/* Whether one of them has this device, by the name that it was given: /dev/moyai/store1/genome-c1. */
int virt_uses(struct node *node, const char *device, bool *uses, struct err *err);

/* A transient domain: there while it runs. One of this name that runs is an error. */
int virt_start(const struct domain *domain, struct err *err);
/* One that is paused goes on. */
int virt_resume(const char *name, struct err *err);
/* What it is told while it runs, all of it: lines for the standard input of VIRT_TAKES in it. It counts once
   that has come to its end. */
int virt_tell(const struct node *node, const char *name, const struct text_list *told,
	      struct err *err);
#define VIRT_TAKES                                                                                 \
	"/usr/lib/moyai/frontend" /* with "take" and how many lines there are; roles/frontend */
/* Asked to shut down, and switched off when it has not within timeout_ms, whether or not its QEMU
   answers at all. None of this name is fine. The node says meanwhile that it goes on. */
int virt_stop(const struct node *node, const char *name, unsigned timeout_ms, struct err *err);
enum { VIRT_STOP_MS = 60000 }; /* as long as a guest is given */
/* What libvirt wrote about it, which it keeps of a domain that is no more. Who is killed between
   virt_stop() and this leaves it: a log has no mark, and stays until the host boots anew. */
int virt_remove_logs(const char *name, struct err *err);
#endif
