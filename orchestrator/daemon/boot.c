/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/boot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "daemon/boot_file.h"

static const char *const STAGE_NAMES[BOOT_STAGES] = {
	"none",	 "dhcp",     "ipxe",	  "kernel", "initramfs",
	"image", "verified", "userspace", "ready",  "failed",
};

const char *boot_stage_name(enum boot_stage stage)
{
	return STAGE_NAMES[stage];
}

enum boot_stage boot_stage_parse(const char *name)
{
	for (unsigned i = 0; i < BOOT_STAGES; i++)
		if (text_equal(name, STAGE_NAMES[i]))
			return (enum boot_stage)i;
	return BOOT_NONE;
}

int boot_open(const char *state_dir, struct boot *boot, struct err *err)
{
	AUTO_FREE char *dir = xasprintf("%s/boot", state_dir);
	if (file_make_dirs(dir, 0700, err) != 0)
		return -1;
	*boot = (struct boot){ .dir = dir };
	dir = NULL;
	return 0;
}

static void node_free(struct boot_node *node)
{
	if (node == NULL)
		return;
	boot_record_free(&node->now);
	boot_record_free(&node->before);
	free(node->refused);
	free(node->name);
	free(node->mac);
	free(node->address);
	free(node->role);
	free(node->folder);
	free(node);
}

void boot_free(struct boot *boot)
{
	if (boot == NULL)
		return;
	for (size_t i = 0; i < boot->count; i++)
		node_free(boot->nodes[i]);
	free(boot->nodes);
	free(boot->dir);
	*boot = (struct boot){ 0 };
}

static void set(char **to, const char *text)
{
	char *copy = xstrdup(text);
	free(*to);
	*to = copy;
}

/* Nodes are never freed before the end, so that a download that runs may point
   to one; a node that left the site is only not found any more. */
static struct boot_node *find_or_add(struct boot *boot, const char *name)
{
	for (size_t i = 0; i < boot->count; i++)
		if (strcmp(boot->nodes[i]->name, name) == 0)
			return boot->nodes[i];
	boot->nodes = xrealloc(boot->nodes, boot->count + 1, sizeof(struct boot_node *));
	struct boot_node *node = xcalloc(1, sizeof(*node));
	node->name = xstrdup(name);
	boot->nodes[boot->count++] = node;
	return node;
}

int boot_set_site(struct boot *boot, const struct site *site, struct err *err)
{
	for (size_t i = 0; i < boot->count; i++)
		boot->nodes[i]->in_site = false;
	for (size_t i = 0; i < site->node_count; i++) {
		const struct site_node *from = &site->nodes[i];
		const char *address = site_node_boot_address(site, from);
		if (from->mac == NULL || address == NULL)
			continue;
		struct boot_node *node = find_or_add(boot, from->name);
		bool same = text_equal(node->mac, from->mac);
		set(&node->mac, from->mac);
		set(&node->address, address);
		set(&node->role, from->role_name);
		free(node->folder);
		node->folder = image_folder(from->role_name, from->image);
		node->in_site = true;
		if (!same) {
			boot_record_free(&node->now);
			boot_record_free(&node->before);
			boot_file_read(boot->dir, node);
		}
		AUTO_FREE char *unknown = xasprintf("%s/unknown-%s.json", boot->dir, from->mac);
		if (file_remove(unknown, err) != 0)
			return -1;
	}
	return 0;
}

struct boot_node *boot_find(const struct boot *boot, const char *name)
{
	for (size_t i = 0; i < boot->count; i++)
		if (boot->nodes[i]->in_site && text_equal(boot->nodes[i]->name, name))
			return boot->nodes[i];
	return NULL;
}

struct boot_node *boot_find_mac(const struct boot *boot, const char *mac)
{
	for (size_t i = 0; i < boot->count; i++)
		if (boot->nodes[i]->in_site && text_equal(boot->nodes[i]->mac, mac))
			return boot->nodes[i];
	return NULL;
}

struct boot_node *boot_find_address(const struct boot *boot, const char *address)
{
	for (size_t i = 0; i < boot->count; i++)
		if (boot->nodes[i]->in_site && text_equal(boot->nodes[i]->address, address))
			return boot->nodes[i];
	return NULL;
}

/* Reports are for people: a full disk stops no boot, and is logged. */
static void publish(struct boot *boot, const struct boot_node *node, int64_t now_ms)
{
	struct err err = ERR_INIT;
	if (boot_file_write(boot->dir, node, now_ms, &err) != 0)
		log_line("%s: the boot report cannot be kept: %s", node->name, err.text);
	if (boot->changed)
		boot->changed(boot->context, node);
}

void boot_dhcp(struct boot *boot, struct boot_node *node, int64_t now_ms)
{
	/* The ROM asks several times, and so does the iPXE it loads. */
	if (node->now.stage == BOOT_DHCP)
		return;
	boot_record_free(&node->before);
	node->before = node->now;
	/* What it booted last stays known until it boots something else. */
	node->now = (struct boot_record){ .stage = BOOT_DHCP,
					  .image = xstrdup(node->before.image),
					  .error = xstrdup(node->before.error) };
	node->now.times_ms[BOOT_DHCP] = now_ms;
	publish(boot, node, now_ms);
}

int boot_begin(struct boot *boot, struct boot_node *node, const char *version, int64_t now_ms,
	       struct err *err)
{
	uint8_t random[(BOOT_ID_SIZE - 1) / 2];
	if (hash_random(random, sizeof(random), err) != 0)
		return -1;
	int64_t dhcp_ms = node->now.stage == BOOT_DHCP ? node->now.times_ms[BOOT_DHCP] : 0;
	boot_record_free(&node->before);
	AUTO_FREE char *error = xstrdup(node->now.error);
	boot_record_free(&node->now);
	node->now.error = error;
	error = NULL;
	hash_hex(random, sizeof(random), node->now.id);
	node->now.stage = BOOT_IPXE;
	node->now.times_ms[BOOT_DHCP] = dhcp_ms;
	node->now.times_ms[BOOT_IPXE] = now_ms;
	node->now.image = xstrdup(version);
	set(&node->refused, NULL);
	node->refused_count = 0;
	node->refused_ms = 0;
	memset(node->layer_done, 0, sizeof(node->layer_done));
	publish(boot, node, now_ms);
	return 0;
}

void boot_advance(struct boot *boot, struct boot_node *node, enum boot_stage stage,
		  unsigned percent, const char *error, int64_t now_ms)
{
	struct boot_record *now = &node->now;
	/* After a failure the machine may try again by itself: then it goes on. */
	if (now->stage != BOOT_FAILED && stage < now->stage)
		return;
	if (now->stage == stage && percent <= now->percent && error == NULL)
		return;
	if (now->times_ms[stage] == 0)
		now->times_ms[stage] = now_ms;
	now->stage = stage;
	now->percent = stage == BOOT_IMAGE ? percent : 0;
	if (stage == BOOT_FAILED || stage == BOOT_READY)
		set(&now->error, error);
	node->saved_percent = now->percent;
	publish(boot, node, now_ms);
}

void boot_served(struct boot *boot, struct boot_node *node, const struct manifest *manifest,
		 int layer, uint64_t done_bytes, int64_t now_ms)
{
	uint64_t total = 0;
	uint64_t done = 0;
	/* Other layers may still be on their way when one was found to be damaged. */
	if (node->now.stage == BOOT_FAILED)
		return;
	if (layer < 0 || layer >= (int)manifest->layer_count)
		return;
	if (done_bytes > node->layer_done[layer])
		node->layer_done[layer] = done_bytes;
	for (unsigned i = 0; i < manifest->layer_count; i++) {
		total += manifest->layers[i].size_bytes;
		done += node->layer_done[i];
	}
	unsigned percent = total ? (unsigned)(done * 100 / total) : 0;
	if (percent > 100)
		percent = 100;
	/* A file is replaced for each change that is shown: 20 per boot are enough. */
	if (node->now.stage == BOOT_IMAGE && percent < node->saved_percent + 5 && percent < 100)
		return;
	boot_advance(boot, node, BOOT_IMAGE, percent, NULL, now_ms);
}

void boot_refused(struct boot *boot, struct boot_node *node, const char *why, bool stranger,
		  int64_t now_ms)
{
	if (stranger && node->now.stage == BOOT_DHCP) {
		boot_record_free(&node->now);
		node->now = node->before;
		node->before = (struct boot_record){ 0 };
	}
	set(&node->refused, why);
	node->refused_ms = now_ms;
	node->refused_count++;
	log_line("%s: refused: %s", node->name, why);
	publish(boot, node, now_ms);
}

int boot_order(const char *state_dir, const char *node, struct err *err)
{
	AUTO_FREE char *dir = xasprintf("%s/boot", state_dir);
	AUTO_FREE char *path = xasprintf("%s/%s.order", dir, node);
	if (file_make_dirs(dir, 0700, err) != 0)
		return -1;
	return file_write(path, "", 0, 0600, err);
}

bool boot_take_order(const struct boot *boot, const struct boot_node *node, int64_t now_ms)
{
	AUTO_FREE char *path = xasprintf("%s/%s.order", boot->dir, node->name);
	struct stat status;
	if (stat(path, &status) != 0)
		return false;
	int64_t age_ms = now_ms - (int64_t)status.st_mtim.tv_sec * 1000;
	/* Only an order that is surely gone is used up: it must not work twice. */
	if (unlink(path) != 0) {
		log_line("%s: %s", path, strerror(errno));
		return false;
	}
	return age_ms < (int64_t)BOOT_ORDER_LIFE_S * 1000;
}

int boot_unknown(struct boot *boot, const char *mac, const char *asked, int64_t now_ms,
		 struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/unknown-%s.json", boot->dir, mac);
	if (!file_exists(path)) {
		AUTO_LIST struct text_list names = TEXT_LIST_INIT;
		size_t count = 0;
		if (file_list_dir(boot->dir, &names, err) != 0)
			return -1;
		for (size_t i = 0; i < names.count; i++)
			count += text_starts(names.items[i], "unknown-");
		if (count >= BOOT_UNKNOWN_MAX)
			return err_set(err, "%s: %zu unknown machines are recorded; no more are",
				       mac, count);
		log_line("unknown machine %s asks for %s: it is in no configuration", mac, asked);
		if (boot->stranger != NULL)
			boot->stranger(boot->context, mac, asked);
	}
	return boot_file_unknown(boot->dir, mac, asked, now_ms, err);
}
