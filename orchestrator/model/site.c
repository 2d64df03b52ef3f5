/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/site.h"

#include <stdlib.h>
#include <string.h>

#include "model/kind.h"

#define SITE(member) offsetof(struct site, member)
#define NETWORK(member) offsetof(struct network, member)
#define NODE(member) offsetof(struct site_node, member)
#define BMC(member) offsetof(struct site_bmc, member)
#define GUESTS(member) offsetof(struct site_guests, member)

const struct field SITE_FIELDS[] = {
	{ "name", FIELD_NAME, SITE(name), FIELD_REQUIRED, 1, 40, NULL, NULL,
	  "the site's name: in the marks of what Moyai owns, and of the state directory" },
	{ "domain", FIELD_TEXT, SITE(domain), FIELD_REQUIRED, 1, 253, NULL, NULL,
	  "DNS domain of the nodes" },
	{ "mirror", FIELD_TEXT, SITE(mirror), FIELD_REQUIRED, 1, 1024, NULL, NULL,
	  "URL of the package mirror that running nodes use" },
	{ "kernel", FIELD_CHOICE, SITE(kernel), 0, 0, 0, "generic cloud", "generic",
	  "kernel flavour of the images: generic for real hardware, cloud for virtual machines" },
	{ "firmware", FIELD_LIST, SITE(firmware), 0, 0, 256, NULL, NULL,
	  "firmware packages for the hardware at hand" },
	{ "authorized_keys", FIELD_LIST, SITE(authorized_keys), 0, 0, 256, NULL, NULL,
	  "public ssh keys that may log in as root on every node, besides Moyai's own" },
	{ "nameservers", FIELD_LIST, SITE(nameservers), 0, 0, 64, NULL, NULL,
	  "DNS servers that frontends of virtual clusters ask for names outside; none: they know "
	  "their own alone" },
	{ "vlan_pool", FIELD_TEXT, SITE(vlan_pool), 0, 3, 9, NULL, NULL,
	  "VLAN tags for virtual clusters, first and last: \"100-199\"" },
	{ "link_pool", FIELD_CIDR, SITE(link_pool), 0, 0, 0, NULL, "100.64.0.0/18",
	  "addresses of the links between gateways and frontends with forwards: /18 or larger" },
	{ "confirm_within", FIELD_SECONDS, SITE(confirm_within_s), 0, 5, 600, NULL, "30s",
	  "after this time a node takes back network changes after which it cannot be reached" },
	FIELD_END
};

const struct field SITE_BOOT_FIELDS[] = {
	{ "network", FIELD_NAME, SITE(boot_network), FIELD_REQUIRED, 1, 15, NULL, NULL,
	  "the untagged network the nodes boot from" },
	{ "server", FIELD_ADDRESS, SITE(boot_server), FIELD_REQUIRED, 0, 0, NULL, NULL,
	  "address of the machine that serves DHCP, TFTP and HTTP" },
	{ "port", FIELD_NUMBER, SITE(boot_port), 0, 1, 65535, NULL, "8067", "its HTTP port" },
	FIELD_END
};

/* 576 is what every IPv4 host must accept (RFC 791), 9216 what switches do. */
const struct field NETWORK_FIELDS[] = {
	{ "name", FIELD_NAME, NETWORK(name), FIELD_REQUIRED, 1, 15, NULL, NULL,
	  "name of the network, and of the tagged interface on the nodes" },
	{ "vlan", FIELD_NUMBER, NETWORK(vlan), 0, 0, 4094, NULL, "0",
	  "VLAN tag; 0 or none: untagged" },
	{ "cidr", FIELD_CIDR, NETWORK(cidr), 0, 0, 0, NULL, NULL,
	  "its addresses; none: layer 2 only" },
	{ "cidr6", FIELD_SUBNET, NETWORK(cidr6), 0, 0, 0, NULL, NULL,
	  "its IPv6 addresses, beside cidr: \"fd00:77:20::/64\"" },
	{ "mtu", FIELD_NUMBER, NETWORK(mtu), 0, 576, 9216, NULL, "1500",
	  "largest packet in bytes" },
	{ "gateway", FIELD_NAME, NETWORK(gateway), 0, 0, 0, NULL, NULL,
	  "the node that is the default router of the others" },
	FIELD_END
};

const struct field NODE_FIELDS[] = {
	{ "name", FIELD_NAME, NODE(name), FIELD_REQUIRED, 1, 63, NULL, NULL,
	  "the node's name: a DNS label" },
	{ "role", FIELD_NAME, NODE(role_name), FIELD_REQUIRED, 0, 0, NULL, NULL,
	  "the role it boots into: a folder of roles/" },
	{ "mac", FIELD_MAC, NODE(mac), FIELD_REQUIRED, 0, 0, NULL, NULL,
	  "MAC address of the interface it network-boots from" },
	{ "console", FIELD_TEXT, NODE(console), 0, 1, 64, NULL, NULL,
	  "serial console, \"ttyS0,115200\"; the role's when not given" },
	{ "root", FIELD_TEXT, NODE(root), 0, 1, 64, NULL, NULL,
	  "serial number of the disk that keeps what the node writes; memory when not given" },
	{ "uplink", FIELD_NAME, NODE(uplink), 0, 1, 15, NULL, NULL,
	  "interface that carries the tagged networks, like a bond; boot0 when not given" },
	{ "may_lose", FIELD_LIST, NODE(may_lose), 0, 0, 4096, NULL, NULL,
	  "consent to lose data, together with --allow-data-loss: [ \"volume/old\" ]" },
	FIELD_END
};

/* IPMI 2.0 has 16 bytes for a user. Cipher suite 0 is none at all, and the others below 17 but 3
   leave out the password's proof or the encryption. */
const struct field BMC_FIELDS[] = {
	{ "type", FIELD_CHOICE, BMC(type), FIELD_REQUIRED, 0, 0, "ipmi redfish", NULL,
	  "how it is spoken to: IPMI 2.0 over LAN, or Redfish over HTTPS" },
	{ "address", FIELD_ADDRESS, BMC(address), FIELD_REQUIRED, 0, 0, NULL, NULL,
	  "its own address, not one of the node's" },
	{ "port", FIELD_NUMBER, BMC(port), 0, 1, 65535, NULL, NULL,
	  "623 for ipmi and 443 for redfish when not given" },
	{ "user", FIELD_TEXT, BMC(user), FIELD_REQUIRED, 1, 16, NULL, NULL,
	  "its user; the password is given to moyai bmc password" },
	{ "cipher", FIELD_CHOICE, BMC(cipher), 0, 0, 0, "3 17", NULL,
	  "ipmi: the cipher suite; the BMC is asked for its best when not given" },
	{ "pin", FIELD_TEXT, BMC(pin), 0, 1, 64, NULL, NULL,
	  "redfish: hash of its public key, \"sha256//…\", for a certificate of its own making" },
	{ "system", FIELD_TEXT, BMC(system), 0, 1, 128, NULL, NULL,
	  "redfish: Id of the node's system, where the BMC has several" },
	{ "network_boot", FIELD_BOOL, BMC(network_boot), 0, 0, 0, NULL, "true",
	  "moyai power makes it boot from the network; false: it has a system on a disk" },
	FIELD_END
};

const struct field GUESTS_FIELDS[] = {
	{ "vcpus", FIELD_NUMBER, GUESTS(vcpus), 0, 1, 65536, NULL, NULL,
	  "virtual processors that its guests may have together; more than it has cores "
	  "overcommits" },
	{ "memory", FIELD_BYTES, GUESTS(memory), 0, 1 << 20, 1ULL << 60, NULL, NULL,
	  "memory that its guests may have together" },
	{ "emulate", FIELD_BOOL, GUESTS(emulate), 0, 0, 0, NULL, NULL,
	  "the node has no hardware virtualisation: QEMU emulates their processors" },
	{ "storage", FIELD_BYTES, GUESTS(storage), 0, 1 << 20, 1ULL << 60, NULL, NULL,
	  "of a storage node: what the disks of guests may take together" },
	{ "pool", FIELD_NAME, GUESTS(pool), 0, 0, 0, NULL, NULL,
	  "of a storage node: the pool that the disks are cut from" },
	{ "thin_pool", FIELD_NAME, GUESTS(thin_pool), 0, 0, 0, NULL, NULL,
	  "of a storage node: the volume of type thin-pool in it that they are cut from" },
	{ "networks", FIELD_LIST, GUESTS(networks), 0, 1, 8, NULL, NULL,
	  "of a storage node: the networks that the disks are offered on" },
	FIELD_END
};

struct site_node *site_find_node(const struct site *site, const char *name)
{
	return name ? map_get(&site->node_by_name, name) : NULL;
}

struct site_node *site_find_mac(const struct site *site, const char *mac)
{
	return mac ? map_get(&site->node_by_mac, mac) : NULL;
}

struct network *site_find_network(const struct site *site, const char *name)
{
	return name ? map_get(&site->network_by_name, name) : NULL;
}

struct cluster *site_find_cluster(const struct site *site, const char *name)
{
	return name ? map_get(&site->cluster_by_name, name) : NULL;
}

bool site_node_is(const struct site *site, const struct site_node *node, const char *role)
{
	const char *name = node->role_name;
	/* A circle of `extends` is a mistake, and no reason to hang. */
	for (size_t i = 0; name != NULL && i <= site->roles.count; i++) {
		if (strcmp(name, role) == 0)
			return true;
		const struct role *own = role_list_find(&site->roles, name);
		name = own ? own->extends : NULL;
	}
	return false;
}

bool site_node_runs_guests(const struct site *site, const struct site_node *node)
{
	return site_node_is(site, node, "gateway") || site_node_is(site, node, "vm-server");
}

const char *site_node_address(const struct site_node *node, const char *network)
{
	for (size_t i = 0; network != NULL && i < node->address_count; i++)
		if (strcmp(node->addresses[i].network->name, network) == 0)
			return node->addresses[i].address;
	return NULL;
}

const char *site_node_address6(const struct site_node *node, const char *network)
{
	for (size_t i = 0; network != NULL && i < node->address_count; i++)
		if (strcmp(node->addresses[i].network->name, network) == 0)
			return node->addresses[i].address6;
	return NULL;
}

/* One to four digits, 1 to 4094. */
static bool read_tag(const char **at, unsigned *tag)
{
	size_t digits = strspn(*at, "0123456789");
	*tag = (unsigned)strtoul(*at, NULL, 10);
	*at += digits;
	return digits >= 1 && digits <= 4 && *tag >= 1 && *tag <= 4094;
}

bool site_vlan_pool(const struct site *site, unsigned *first, unsigned *last)
{
	const char *at = site->vlan_pool;
	return at != NULL && read_tag(&at, first) && *at++ == '-' && read_tag(&at, last) &&
	       *at == '\0' && *first <= *last;
}

bool site_link_pool(const struct site *site, struct ipv4_network *pool)
{
	return site->link_pool != NULL && ipv4_parse_network(site->link_pool, pool);
}

bool site_link(const struct site *site, uint64_t tag, struct ipv4_network *link)
{
	struct ipv4_network pool;
	if (!site_link_pool(site, &pool))
		return false;
	*link = (struct ipv4_network){ ipv4_first(&pool) + (uint32_t)tag * 4, 30 };
	return true;
}

const char *site_node_boot_address(const struct site *site, const struct site_node *node)
{
	return site_node_address(node, site->boot_network);
}

void site_node_free(struct site_node *node)
{
	fields_free(NODE_FIELDS, node);
	fields_free(BMC_FIELDS, &node->bmc);
	fields_free(GUESTS_FIELDS, &node->guests);
	for (size_t i = 0; i < node->address_count; i++) {
		free(node->addresses[i].address);
		free(node->addresses[i].address6);
	}
	free(node->addresses);
	free(node->image);
	spec_list_free(&node->wants);
	spec_list_free(&node->arriving);
	text_list_free(&node->given_up);
	*node = (struct site_node){ 0 };
}

void site_free(struct site *site)
{
	if (site == NULL)
		return;
	fields_free(SITE_FIELDS, site);
	fields_free(SITE_BOOT_FIELDS, site);
	for (size_t i = 0; i < site->network_count; i++)
		fields_free(NETWORK_FIELDS, &site->networks[i]);
	for (size_t i = 0; i < site->node_count; i++)
		site_node_free(&site->nodes[i]);
	free(site->networks);
	free(site->nodes);
	free(site->dir);
	role_list_free(&site->roles);
	roll_list_free(&site->rolls);
	for (size_t i = 0; i < site->cluster_count; i++)
		cluster_free(&site->clusters[i]);
	free(site->clusters);
	map_free(&site->node_by_name);
	map_free(&site->node_by_mac);
	map_free(&site->network_by_name);
	map_free(&site->cluster_by_name);
	for (size_t i = 0; i < site->value_place_count; i++)
		free(site->value_places[i]);
	free(site->value_places);
	text_list_free(&site->files);
	*site = (struct site){ 0 };
}

bool site_node_manages(const struct site_node *node)
{
	for (size_t i = 0; i < node->wants.count; i++)
		if (strcmp(node->wants.items[i].kind->name, "system") == 0)
			return true;
	return false;
}

const struct site_node *site_manager(const struct site *site)
{
	for (size_t i = 0; i < site->node_count; i++)
		if (site_node_manages(&site->nodes[i]))
			return &site->nodes[i];
	return NULL;
}
