/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/cluster.h"

#include <stdlib.h>
#include <string.h>

#define CLUSTER(member) offsetof(struct cluster, member)
#define GROUP(member) offsetof(struct cluster_group, member)
#define EXTERNAL(member) offsetof(struct cluster_external, member)
#define FORWARD(member) offsetof(struct cluster_forward, member)

#define MEMORY_MIN (32ULL << 20) /* a kernel and an initramfs of busybox */
#define BYTES_MAX (1ULL << 60)

const struct field CLUSTER_FIELDS[] = {
	{ "name", FIELD_NAME, CLUSTER(name), FIELD_REQUIRED | FIELD_FIXED, 1, 40, NULL, NULL,
	  "the cluster's name, and that of its file" },
	{ "state", FIELD_CHOICE, CLUSTER(state), 0, 0, 0, "running stopped absent", "running",
	  "stopped keeps its disks; absent keeps nothing" },
	{ "rolls", FIELD_LIST, CLUSTER(rolls), 0, 0, 64, NULL, NULL,
	  "folders of roles/rolls/, shipped or the site's own" },
	{ "authorized_keys", FIELD_LIST, CLUSTER(authorized_keys), FIELD_REQUIRED, 1, 256, NULL,
	  NULL, "public ssh keys that may log in as root on the frontend" },
	{ "vlan", FIELD_NUMBER, CLUSTER(vlan), 0, 1, 4094, NULL, NULL,
	  "tag of its private network; one of the site's vlan_pool when not given" },
	{ "cidr", FIELD_CIDR, CLUSTER(cidr), 0, 0, 0, NULL, NULL,
	  "addresses of its private network; others may have the same; chosen when not given" },
	{ "attach", FIELD_CHOICE, CLUSTER(attach), 0, 0, 0, "host direct", "host",
	  "who logs in to its disks: the host, for a block device, or QEMU's own initiator" },
	{ "scrub", FIELD_CHOICE, CLUSTER(scrub), 0, 0, 0, "discard overwrite", "discard",
	  "what becomes of its disks' content when they are removed" },
	FIELD_END
};

const struct field CLUSTER_FRONTEND_FIELDS[] = {
	{ "vcpus", FIELD_NUMBER, GROUP(vcpus), FIELD_REQUIRED, 1, 1024, NULL, NULL,
	  "its virtual processors" },
	{ "memory", FIELD_BYTES, GROUP(memory), FIELD_REQUIRED, MEMORY_MIN, BYTES_MAX, NULL, NULL,
	  "its memory" },
	{ "disk", FIELD_BYTES, GROUP(disk), FIELD_REQUIRED | FIELD_GROW_ONLY, 1, BYTES_MAX, NULL,
	  NULL, "its disk, with the cluster's home directories" },
	{ "appliance", FIELD_NAME, GROUP(appliance), 0, 1, 63, NULL, "frontend",
	  "the role whose image it runs" },
	{ "packages", FIELD_LIST, GROUP(packages), 0, 0, 1024, NULL, NULL,
	  "Debian packages besides those of appliance and rolls" },
	{ "pin", FIELD_TEXT, GROUP(pin), 0, 1, 1024, NULL, NULL,
	  "node set: the gateways that it may be on" },
	{ "exclude", FIELD_TEXT, GROUP(exclude), 0, 1, 1024, NULL, NULL,
	  "node set: gateways that it may not be on" },
	FIELD_END
};

const struct field CLUSTER_GROUP_FIELDS[] = {
	{ "name", FIELD_NAME, GROUP(name), FIELD_REQUIRED, 1, 40, NULL, NULL,
	  "the group's name; counted nodes are called NAME1, NAME2, …" },
	{ "count", FIELD_NUMBER, GROUP(count), 0, 1, CLUSTER_GUESTS_MAX, NULL, NULL,
	  "how many nodes; a group has a count or names" },
	{ "names", FIELD_TEXT, GROUP(names), 0, 1, 1024, NULL, NULL,
	  "what its nodes are called: \"big[1-2],gpu\"" },
	{ "vcpus", FIELD_NUMBER, GROUP(vcpus), FIELD_REQUIRED, 1, 1024, NULL, NULL,
	  "virtual processors of each" },
	{ "memory", FIELD_BYTES, GROUP(memory), FIELD_REQUIRED, MEMORY_MIN, BYTES_MAX, NULL, NULL,
	  "memory of each" },
	{ "disk", FIELD_BYTES, GROUP(disk), FIELD_GROW_ONLY, 1, BYTES_MAX, NULL, NULL,
	  "disk of each; none with boot = \"ram\"" },
	{ "scratch", FIELD_BYTES, GROUP(scratch), 0, 1, BYTES_MAX, NULL, NULL,
	  "a second disk of each for what may be lost" },
	{ "appliance", FIELD_NAME, GROUP(appliance), 0, 1, 63, NULL, "compute",
	  "the role whose image they run" },
	{ "boot", FIELD_CHOICE, GROUP(boot), 0, 0, 0, "install golden ram", "install",
	  "installed by the frontend, a thin clone of a golden disk, or diskless" },
	{ "packages", FIELD_LIST, GROUP(packages), 0, 0, 1024, NULL, NULL,
	  "Debian packages besides those of appliance and rolls" },
	{ "placement", FIELD_CHOICE, GROUP(placement), 0, 0, 0, "spread pack", "spread",
	  "over many hosts, or on few" },
	{ "pin", FIELD_TEXT, GROUP(pin), 0, 1, 1024, NULL, NULL,
	  "node set: the VM servers that they may be on, \"vm[1-4]\"" },
	{ "exclude", FIELD_TEXT, GROUP(exclude), 0, 1, 1024, NULL, NULL,
	  "node set: VM servers that they may not be on" },
	FIELD_END
};

const struct field CLUSTER_EXTERNAL_FIELDS[] = {
	{ "network", FIELD_NAME, EXTERNAL(network), FIELD_REQUIRED, 0, 0, NULL, NULL,
	  "the site's network that the frontend is on besides its own" },
	{ "address", FIELD_ADDRESS, EXTERNAL(address), FIELD_REQUIRED, 0, 0, NULL, NULL,
	  "the frontend's address there" },
	FIELD_END
};

const struct field CLUSTER_FORWARD_FIELDS[] = {
	{ "port", FIELD_NUMBER, FORWARD(port), FIELD_REQUIRED, 1, 65535, NULL, NULL,
	  "port of the gateway node" },
	{ "to", FIELD_NUMBER, FORWARD(to), 0, 1, 65535, NULL, NULL,
	  "port of the frontend; the same when not given" },
	{ "protocol", FIELD_CHOICE, FORWARD(protocol), 0, 0, 0, "tcp udp", "tcp",
	  "what is forwarded" },
	{ "network", FIELD_NAME, FORWARD(network), 0, 0, 0, NULL, NULL,
	  "the gateway node's address on this network is meant; the boot network when not given" },
	FIELD_END
};

void cluster_free(struct cluster *cluster)
{
	if (cluster == NULL)
		return;
	fields_free(CLUSTER_FIELDS, cluster);
	/* The frontend's fields are some of a group's. */
	fields_free(CLUSTER_GROUP_FIELDS, &cluster->frontend);
	free(cluster->frontend.role);
	fields_free(CLUSTER_EXTERNAL_FIELDS, &cluster->external);
	for (size_t i = 0; i < cluster->group_count; i++) {
		fields_free(CLUSTER_GROUP_FIELDS, &cluster->groups[i]);
		free(cluster->groups[i].role);
	}
	for (size_t i = 0; i < cluster->forward_count; i++)
		fields_free(CLUSTER_FORWARD_FIELDS, &cluster->forwards[i]);
	for (size_t i = 0; i < cluster->parameter_count; i++) {
		free(cluster->parameters[i].roll);
		free(cluster->parameters[i].name);
		free(cluster->parameters[i].value);
	}
	for (size_t i = 0; i < cluster->guest_count; i++) {
		free(cluster->guests[i].name);
		free(cluster->guests[i].id);
		free(cluster->guests[i].scratch_id);
	}
	free(cluster->groups);
	free(cluster->forwards);
	free(cluster->parameters);
	free(cluster->guests);
	allocation_free(&cluster->recorded);
	*cluster = (struct cluster){ 0 };
}

struct cluster_guest *cluster_find_guest(const struct cluster *cluster, const char *name)
{
	for (size_t i = 0; i < cluster->guest_count; i++)
		if (strcmp(cluster->guests[i].name, name) == 0)
			return &cluster->guests[i];
	return NULL;
}

uint64_t cluster_vlan(const struct cluster *cluster, const struct allocation *allocation)
{
	return cluster->vlan != FIELD_UNSET ? cluster->vlan : allocation->vlan;
}

const char *cluster_cidr(const struct cluster *cluster, const struct allocation *allocation)
{
	return cluster->cidr ? cluster->cidr : allocation->cidr;
}

bool cluster_has_link(const struct cluster *cluster)
{
	return cluster->forward_count > 0;
}

const char *cluster_forward_network(const struct cluster_forward *forward, const char *boot_network)
{
	return forward->network ? forward->network : boot_network;
}

uint64_t cluster_forward_to(const struct cluster_forward *forward)
{
	return forward->to == FIELD_UNSET ? forward->port : forward->to;
}

bool cluster_is_frontend(const struct cluster_guest *guest)
{
	return strcmp(guest->name, CLUSTER_FRONTEND) == 0;
}

bool cluster_starts_appliance(const struct cluster_guest *guest)
{
	return cluster_is_frontend(guest) ||
	       (text_equal(guest->group->boot, "ram") && guest->group->alone);
}

bool cluster_starts_from_frontend(const struct cluster_guest *guest)
{
	return !cluster_starts_appliance(guest) && !text_equal(guest->group->boot, "golden");
}

bool cluster_is_wanted(const struct cluster *cluster)
{
	return !text_equal(cluster->state, "absent");
}

bool cluster_is_running(const struct cluster *cluster)
{
	return text_equal(cluster->state, "running");
}
