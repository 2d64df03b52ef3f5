/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_LVM_H
#define SYSTEM_LVM_H
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "system/node.h"
/*
 * LVM through lvm(8) and its JSON reports. Every command is told the devices
 * it may look at: the partitions on local disks whose GPT label starts with
 * "moyai.". Nothing inside an exported volume or a guest's disk is scanned,
 * whatever it looks like.
 *
 * Sizes are bytes. Rows are borrowed from the node's snapshot and are valid
 * until node_forget().
 */
#define LVM_TAG "moyai"
#define LVM_LABEL "moyai." /* in front of the partition's name */
#define LVM_GROUP "moyai-" /* in front of the pool's name */

/* `lvm fullreport`, once per phase: arrays "vg", "pv", "lv" of objects of text. */
int lvm_read(struct node *node, struct err *err);

const char *lvm_text(const json_t *row, const char *field); /* "" when not there */
uint64_t lvm_number(const json_t *row, const char *field);
bool lvm_tagged(const json_t *row, const char *field); /* has our tag */

const json_t *lvm_group(const struct node *node, const char *pool); /* NULL: none */
const json_t *lvm_volume(const struct node *node, const char *name, const char *pool);
/* The physical volume on a device, "/dev/vdb1". */
const json_t *lvm_physical(const struct node *node, const char *device);

/* The pool that a volume group is: "main" of "moyai-main"; NULL when it is
   not ours. */
const char *lvm_pool_name(const json_t *group_or_volume);

/* Run `lvm ARG…` that changes something; NULL-terminated. */
int lvm_change(struct err *err, const char *const *args);
#define LVM_CHANGE(err, ...) lvm_change(err, (const char *const[]){ __VA_ARGS__, NULL })
#endif
