/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DAEMON_BOOT_H
#define DAEMON_BOOT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "model/manifest.h"
#include "model/site.h"
/*
 * Which node is at which stage of its boot. Kept in STATE/boot/NODE.json, which
 * `moyai status` reads; machines that are in no configuration get
 * STATE/boot/unknown-MAC.json. A boot that Moyai ordered is announced by a file
 * STATE/boot/NODE.order, made by whoever restarts the node; the boot uses it up.
 *
 * Times are milliseconds since 1970 and come from the caller.
 */
enum boot_stage {
	BOOT_NONE,
	BOOT_DHCP,	/* the machine's ROM asks for an address */
	BOOT_IPXE,	/* iPXE has its script */
	BOOT_KERNEL,	/* kernel and initrd are fetched */
	BOOT_INITRAMFS, /* reported by the initramfs */
	BOOT_IMAGE,	/* squashfs layers are fetched; percent from the bytes served */
	BOOT_VERIFIED,	/* reported: the layers' hashes are right */
	BOOT_USERSPACE, /* reported: systemd runs */
	BOOT_READY,	/* the host key is pinned: ssh can log in */
	BOOT_FAILED,	/* reported, with an error */
	BOOT_STAGES,
};
enum {
	BOOT_ID_SIZE = 17,
	BOOT_ORDER_LIFE_S = 15 * 60,
	/* A flood of made-up MACs must not fill the disk. */
	BOOT_UNKNOWN_MAX = 1000,
};

/* One boot. The times are 0 for stages that were not seen. */
struct boot_record {
	enum boot_stage stage;
	unsigned percent;
	int64_t times_ms[BOOT_STAGES];
	char id[BOOT_ID_SIZE];
	char *image; /* version of the image */
	/* Why it failed, or the boots before it, until one is ready: a machine that starts again by
	   itself is at another stage most of the time. */
	char *error;
};

struct boot_node {
	char *name;
	char *mac;
	char *address; /* on the boot network */
	char *role;
	char *folder; /* of the image it boots, below the images directory */
	bool in_site; /* false: removed from the site since */
	struct boot_record now;
	/* What was true before a machine with this MAC asked for an address: comes
	   back when that machine is refused. */
	struct boot_record before;
	char *refused; /* the last refusal, or NULL */
	int64_t refused_ms;
	unsigned refused_count;
	uint64_t layer_done[MANIFEST_LAYERS_MAX]; /* bytes served of this boot's layers */
	unsigned saved_percent;
};

struct boot {
	char *dir;		  /* STATE/boot */
	struct boot_node **nodes; /* pointers: requests keep one over a change of the site */
	size_t count;
	/* Told after each visible change; may be NULL. */
	void (*changed)(void *context, const struct boot_node *node);
	/* Told of a machine that is in no configuration, the first time; may be NULL. */
	void (*stranger)(void *context, const char *mac, const char *asked);
	void *context;
};

/* Make STATE/boot; nodes come with boot_set_site(). */
int boot_open(const char *state_dir, struct boot *boot, struct err *err);
/* Take over the nodes of the site; states of nodes that stay are kept, those of
   new ones read from disk. */
int boot_set_site(struct boot *boot, const struct site *site, struct err *err);
void boot_free(struct boot *boot);

struct boot_node *boot_find(const struct boot *boot, const char *name);
struct boot_node *boot_find_mac(const struct boot *boot, const char *mac);
struct boot_node *boot_find_address(const struct boot *boot, const char *address);

const char *boot_stage_name(enum boot_stage stage);
/* BOOT_NONE when it is no stage. */
enum boot_stage boot_stage_parse(const char *name);

/* A ROM asks for an address: perhaps a new boot, perhaps a stranger's. */
void boot_dhcp(struct boot *boot, struct boot_node *node, int64_t now_ms);
/* A boot begins: it was given a script and a token. */
int boot_begin(struct boot *boot, struct boot_node *node, const char *version, int64_t now_ms,
	       struct err *err);
/* Forward only within a boot; percent is for BOOT_IMAGE. error: BOOT_FAILED only. */
void boot_advance(struct boot *boot, struct boot_node *node, enum boot_stage stage,
		  unsigned percent, const char *error, int64_t now_ms);
/* `done` bytes of the layer have gone out. */
void boot_served(struct boot *boot, struct boot_node *node, const struct manifest *manifest,
		 int layer, uint64_t done_bytes, int64_t now_ms);
/* A request in the node's name was refused: visible in its state until the next boot begins.
   stranger: what this MAC did last was not the node's doing, and is forgotten. */
void boot_refused(struct boot *boot, struct boot_node *node, const char *why, bool stranger,
		  int64_t now_ms);
/* Order a boot of the node: made by whoever switches it on. */
int boot_order(const char *state_dir, const char *node, struct err *err);
/* Is a boot of the node ordered? Uses the order up. */
bool boot_take_order(const struct boot *boot, const struct boot_node *node, int64_t now_ms);

/* A machine that is in no configuration. */
int boot_unknown(struct boot *boot, const char *mac, const char *asked, int64_t now_ms,
		 struct err *err);
#endif
