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
/* What it is told while it runs, all of it: lines for the standard input of "VIRT_FRONTEND take COUNT" in it. It
   counts once that has come to its end. */
int virt_tell(const struct node *node, const char *name, const struct text_list *told,
	      struct err *err);
#define VIRT_FRONTEND "/usr/lib/moyai/frontend" /* roles/frontend */
/* What a frontend says of itself and its nodes: the output of "VIRT_FRONTEND progress". It is its owner's, and may be
   anything; nothing, of one whose agent does not answer (yet). */
int virt_ask(const struct node *node, const char *name, struct str *answer, struct err *err);
/* Asked to shut down, and switched off when it has not within timeout_ms, whether or not its QEMU
   answers at all. None of this name is fine. The node says meanwhile that it goes on. */
int virt_stop(const struct node *node, const char *name, unsigned timeout_ms, struct err *err);
enum { VIRT_STOP_MS = 60000 }; /* as long as a guest is given */
/* ---- a guest that moves from one host to another while it runs ---- */

/* Where it is to come to: what it needs of libvirt there for as long as it comes. */
int virt_expect(const struct domain *domain, struct err *err);
void virt_expect_end(const struct domain *domain);

struct virt_move {
	const char *name;
	const char *uri;	       /* of libvirt on the other host */
	uint64_t epoch;		       /* of the guest there */
	const struct text_list *disks; /* as they are called there */
	/* Asked about once a second; how far it is, of what there is to send. false: it is to stay. */
	bool (*go_on)(void *context, unsigned percent);
	void *context;
};
/*
 * By libvirt, from host to host (peer to peer), through one connection (tunnelled). When it is there it is paused
 * there, for virt_resume(), and here is nothing of it; on a failure it runs here as before.
 */
int virt_move(const struct virt_move *move, struct err *err);

/* What libvirt wrote about it, which it keeps of a domain that is no more. Who is killed between
   virt_stop() and this leaves it: a log has no mark, and stays until the host boots anew. */
int virt_remove_logs(const char *name, struct err *err);
#endif
