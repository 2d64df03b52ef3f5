/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_DOMAIN_H
#define SYSTEM_DOMAIN_H
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
/*
 * A virtual machine as libvirt's XML tells it, as far as Moyai decides it
 * (https://libvirt.org/formatdomain.html). What is printed reads back as the same, also after
 * libvirt added what it decides by itself.
 *
 * Guests cannot speak with another's MAC or IPv4 address: libvirt's filters clean-traffic and, for
 * one that routes, no-mac-spoofing. What they are told about themselves is in QEMU's firmware
 * configuration device, in base64, where a guest reads it from
 * /sys/firmware/qemu_fw_cfg/by_name/opt/org.moyai/settings/raw. What it can be told while it runs stands
 * beside that in opt/org.moyai/told, as it was when it started; what was told last is in its metadata, and
 * there is a channel for its agent (system/guest_agent.h).
 */
struct domain {
	char *name;
	char *site; /* of our mark; NULL: it is not ours */
	uint64_t epoch;
	bool emulated; /* by QEMU; else by the hardware (KVM) */
	uint64_t vcpus, memory_bytes;
	/* Block devices of the host, or "iscsi PORTAL IQN USER INITIATOR"; serials moyai-disk-1, … The CHAP
	   secret of such a one libvirt is told apart, as DOMAIN_SECRET IQN. */
	struct text_list disks;
	char *secrets;			   /* theirs, separated by spaces; not in its XML */
	struct text_list files;		   /* "SERIAL PATH": disks that are only read */
	struct text_list interfaces;	   /* "BRIDGE MAC [ADDRESS]" */
	char *boot;			   /* "appliance", "disk", "network" */
	char *kernel, *initrd, *arguments; /* of "appliance" */
	struct text_list settings;	   /* lines */
	struct text_list told;		   /* likewise */
	char *state;			   /* "running", "paused" …; not in its XML */
};
void domain_free(struct domain *domain);
void domain_print(const struct domain *domain, struct str *xml);
/* The element of the metadata that holds what was told last. */
void domain_print_told(const struct text_list *told, struct str *xml);
/* The disk with this index, from 0 on, as an element of its own. */
void domain_print_disk(const char *device, size_t index, struct str *xml);
#define DOMAIN_MARK_URI "https://moyai.invalid/guest/1" /* a name, not an address: RFC 2606 */
#define DOMAIN_DISK_SERIAL "moyai-disk-"
#define DOMAIN_SECRET "moyai/"
#define DOMAIN_ISCSI "iscsi "
#define DOMAIN_TOLD_URI "https://moyai.invalid/told/1"
/* Loads libxml2, which is where libvirt is. *domain is untouched on failure. */
int domain_parse(const char *xml, struct domain *domain, struct err *err);
#endif
