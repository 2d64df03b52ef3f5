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
#define LVM_PLACE "moyai." /* in front of the partition's name, in the tag of its physical volume */
#define LVM_GROUP "moyai-" /* in front of the pool's name */

/* `lvm fullreport`, once per phase: arrays "vg", "pv", "lv", "seg" of objects of text. */
int lvm_read(struct node *node, struct err *err);

const char *lvm_text(const json_t *row, const char *field); /* "" when not there */
uint64_t lvm_number(const json_t *row, const char *field);
/* Of "37.12", rounded up; UINT64_MAX of "". */
uint64_t lvm_percent(const json_t *row, const char *field);
bool lvm_tagged(const json_t *row, const char *field); /* has our tag */
bool lvm_has_tag(const json_t *row, const char *field, const char *tag);
/* "golden" of the tag "moyai.of=golden", asked for with "moyai.of="; a copy, NULL: no such tag. */
char *lvm_tag_value(const json_t *row, const char *field, const char *tag);

const json_t *lvm_group(const struct node *node, const char *pool); /* NULL: none */
const json_t *lvm_volume(const struct node *node, const char *name, const char *pool);
/* The first segment of a logical volume. */
const json_t *lvm_segment(const struct node *node, const json_t *volume);
/* The physical volume on a device, "/dev/vdb1". */
const json_t *lvm_physical(const struct node *node, const char *device);

/* The pool that a volume group is: "main" of "moyai-main"; NULL when it is
   not ours. */
const char *lvm_pool_name(const json_t *group_or_volume);

/* Run `lvm ARG…` that changes something; NULL-terminated. */
int lvm_change(struct err *err, const char *const *args);
int lvm_change_list(const struct text_list *args, struct err *err);
#define LVM_CHANGE(err, ...) lvm_change(err, (const char *const[]){ __VA_ARGS__, NULL })
#endif
