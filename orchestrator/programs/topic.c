/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/topic.h"

#include "base/size.h"
#include "model/site.h"

const struct topic TOPICS[] = {
	{ "site", "the whole: top level of site.cfg; also boot, networks and nodes",
	  "name = \"demo\"; domain = \"demo.example\"; mirror = \"http://mirror.example/debian\";",
	  SITE_FIELDS },
	{ "boot", "group at the top level of site.cfg: how nodes boot",
	  "boot = { network = \"boot\"; server = \"10.77.0.1\"; };", SITE_BOOT_FIELDS },
	{ "network", "in the list networks of site.cfg",
	  "networks = ( { name = \"storage\"; cidr = \"10.77.20.0/24\"; vlan = 20; } );",
	  NETWORK_FIELDS },
	{ "node", "in the list nodes of site.cfg; also addresses and lists of resources",
	  "nodes = ( { name = \"vm1\"; role = \"vm-server\"; mac = \"52:54:00:4d:00:13\"; "
	  "addresses = { boot = \"10.77.0.13\"; }; } );",
	  NODE_FIELDS },
	{ "bmc", "group in a node: the board that switches it on and off",
	  "bmc = { type = \"ipmi\"; address = \"10.77.0.113\"; user = \"moyai\"; };", BMC_FIELDS },
	{ "guests", "group in a node: what it gives to the guests of virtual clusters",
	  "guests = { vcpus = 32; memory = \"120G\"; };", GUESTS_FIELDS },
	{ "role", "roles/NAME/role.cfg; also lists of resources that every node of the role has",
	  "doc = \"Keeps volumes\"; packages = [ \"lvm2\" ];", ROLE_FIELDS },
	{ "cluster",
	  "clusters/NAME.cfg: a virtual cluster; also frontend, nodes, external, "
	  "forwards and parameters",
	  "name = \"genome\"; rolls = [ \"slurm\" ]; authorized_keys = [ \"ssh-ed25519 AAAA… ann\" "
	  "];",
	  CLUSTER_FIELDS },
	{ "frontend", "group in a cluster: its router, servers and log-in node, on a gateway",
	  "frontend = { vcpus = 2; memory = \"4G\"; disk = \"40G\"; };", CLUSTER_FRONTEND_FIELDS },
	{ "group", "in the list nodes of a cluster: compute nodes that are alike, on VM servers",
	  "nodes = ( { name = \"compute\"; count = 8; vcpus = 4; memory = \"8G\"; disk = \"20G\"; "
	  "} );",
	  CLUSTER_GROUP_FIELDS },
	{ "external", "group in a cluster: the frontend's own address outside",
	  "external = { network = \"campus\"; address = \"10.77.30.50\"; };",
	  CLUSTER_EXTERNAL_FIELDS },
	{ "forward", "in the list forwards of a cluster: ports that lead to the frontend",
	  "forwards = ( { port = 2201; to = 22; } );", CLUSTER_FORWARD_FIELDS },
	{ "roll", "roles/rolls/NAME/roll.cfg; also frontend, compute and parameters",
	  "doc = \"Open MPI\"; frontend = { packages = [ \"openmpi-bin\" ]; };", ROLL_FIELDS },
	{ "roll-part", "groups frontend and compute in a roll: what their guests get",
	  "compute = { packages = [ \"slurmd\" ]; services = [ \"slurmd.service\" ]; };",
	  ROLL_PART_FIELDS },
	{ "parameter", "in the list parameters of a roll: what clusters say to it",
	  "parameters = ( { name = \"partition\"; doc = \"of the nodes\"; default = \"main\"; } );",
	  ROLL_PARAMETER_FIELDS },
	{ NULL, NULL, NULL, NULL },
};

const char *topic_type(const struct field *field)
{
	static const char *const NAMES[] = {
		[FIELD_TEXT] = "text",	      [FIELD_NAME] = "name",
		[FIELD_PATH] = "path",	      [FIELD_CHOICE] = "choice",
		[FIELD_ADDRESS] = "address",  [FIELD_CIDR] = "cidr",
		[FIELD_IP] = "address",	      [FIELD_SUBNET] = "cidr",
		[FIELD_MAC] = "mac",	      [FIELD_BYTES] = "size",
		[FIELD_SECONDS] = "duration", [FIELD_NUMBER] = "number",
		[FIELD_BOOL] = "true/false",  [FIELD_LIST] = "list",
	};
	return NAMES[field->type];
}

static void add_word(struct str *out, const char *word)
{
	str_addf(out, "%s%s", out->length ? ", " : "", word);
}

void topic_rules(const struct field *field, struct str *out)
{
	static const struct {
		unsigned flag;
		const char *word;
	} WORDS[] = {
		{ FIELD_REQUIRED, "required" },
		{ FIELD_FIXED, "cannot change" },
		{ FIELD_REPLACEABLE, "a change makes it anew" },
		{ FIELD_GROW_ONLY, "only grows" },
		{ FIELD_VOLATILE, "not compared" },
		{ FIELD_SECRET, "secret" },
		{ FIELD_DERIVED, "not written" },
	};
	for (size_t i = 0; i < COUNT_OF(WORDS); i++)
		if (field->flags & WORDS[i].flag)
			add_word(out, WORDS[i].word);
}

static void add_limit(const struct field *field, uint64_t value, struct str *out)
{
	if (field->type == FIELD_BYTES)
		size_print(value, out);
	else if (field->type == FIELD_SECONDS)
		duration_print(value, out);
	else
		str_addf(out, "%llu", (unsigned long long)value);
}

void topic_limits(const struct field *field, struct str *out)
{
	if (field->type == FIELD_CHOICE) {
		str_add(out, field->choices);
		return;
	}
	if (field->min == 0 && field->max == 0)
		return;
	add_limit(field, field->min, out);
	str_add(out, "–");
	add_limit(field, field->max, out);
	if (field->type <= FIELD_MAC)
		str_add(out, " characters");
	else if (field->type == FIELD_LIST)
		str_add(out, " items");
}
