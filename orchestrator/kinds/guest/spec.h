/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KINDS_GUEST_SPEC_H
#define KINDS_GUEST_SPEC_H
#include "engine/kind.h"
/*
 * A virtual machine of a cluster: a transient domain of libvirt, with our mark in its metadata. A
 * transient one is there while it runs and leaves nothing behind, so that nobody starts it a second
 * time: not libvirt when a host comes back, and not by hand a host that should have it no more.
 *
 * What it is made of is decided when it starts: another value makes it anew.
 */
struct guest {
	char *name; /* CLUSTER-NODE */
	uint64_t vcpus;
	uint64_t memory;
	/* Devices of the host, the first one first; or "iscsi PORTAL IQN USER INITIATOR": QEMU logs in. In a
	   cluster's words that is FROM/TARGET, without "/" in front. */
	struct text_list disks;
	char *secrets; /* CHAP secrets of those that QEMU logs in to, in their order, separated by spaces */
	struct text_list files; /* "SERIAL PATH": of images, as disks that are only read; derived */
	struct text_list interfaces; /* "BRIDGE MAC [ADDRESS]"; no address: it may send from any */
	int emulated;		     /* QEMU emulates its processors */
	char *boot;		     /* "appliance", "disk", "network": then the disk */
	char *appliance;	     /* boot = appliance: the role whose kernel it starts with */
	struct text_list serves;     /* roles whose images it serves to nodes that start from it */
	char *kernel;		     /* … on the host; derived */
	char *initrd;
	char *arguments; /* of the kernel, "" for none; NULL without a kernel */
	struct text_list
		settings; /* "KEY=VALUE": what it is told about itself; see docs/clusters.md */
	/* More, of what changes while it runs: it is told that by its agent, and goes on */
	struct text_list told;
	/* More settings, of the images' files that it serves: what is newer is told at its next start, and is
	   no reason for one. */
	struct text_list served;
	uint64_t epoch;
	char *state; /* "running", else libvirt's word */

	struct text_list others; /* nodes that may have it and must not; derived */
	char *firewall; /* of its host, that guards the link between the two; NULL: there is none */
	char *missing;	/* why there is no kernel: the step is refused with it */
};
extern const struct kind_spec guest_spec;
#define GUEST_RUNNING "running"
#define GUEST_ISCSI "iscsi " /* how these disks begin */
#define GUEST_SERVED "file=" /* how these settings begin */
#endif
