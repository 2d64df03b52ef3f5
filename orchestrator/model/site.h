/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MODEL_SITE_H
#define MODEL_SITE_H
#include "base/map.h"
#include "model/cluster.h"
#include "model/field.h"
#include "model/ipv4.h"
#include "model/mistake.h"
#include "model/role.h"
#include "model/roll.h"
/*
 * The typed model of a site directory. Everything keeps its file and line.
 * A site is read once and then only looked at; all of it is owned by the
 * struct site and freed by site_free().
 */
struct kind_spec;

/* A resource that somebody wants: a body of spec->kind->size described by
   kind->fields. Its id, mostly its name, is unique per kind and node. */
struct spec {
	const struct kind_spec *kind;
	char *id;
	void *body;
	struct place place;
	bool broken; /* it has mistakes of its own: others may refer to it, it is not checked */
	const struct cluster *cluster; /* that it follows from; NULL: it is declared */
};
struct spec_list {
	struct spec *items;
	size_t count;
};
void spec_free(struct spec *spec);
void spec_list_free(struct spec_list *list);
/* Append an empty spec of the kind, fields_init()ed; borrowed from the list
   until the next append. */
struct spec *spec_list_add(struct spec_list *list, const struct kind_spec *kind, const char *id);
/* Append a copy; borrowed likewise. */
struct spec *spec_list_copy(struct spec_list *list, const struct spec *from);
/* Take one out and free it; the others keep their order. */
void spec_list_drop(struct spec_list *list, size_t index);
/* NULL when there is none. */
struct spec *spec_list_find(const struct spec_list *list, const char *kind_name, const char *id);

struct network {
	char *name;    /* also the name of the VLAN interface; 15 characters at most */
	uint64_t vlan; /* 0: untagged, else 1-4094 */
	char *cidr;    /* NULL: no addresses, layer 2 only */
	char *cidr6;   /* IPv6, beside cidr; NULL: none */
	uint64_t mtu;  /* bytes, 1500 unless given */
	char *gateway; /* name of the node that is the default router; NULL: none */
	struct place place;
	bool broken; /* it has mistakes of its own: what it lacks may be one of them */
};

/* One address of a node: `addresses = { storage = "10.0.20.11"; }` */
struct node_address {
	struct network *network; /* borrowed from the site */
	char *address;		 /* without prefix length */
	char *address6;		 /* IPv6, beside it; NULL: none */
	struct place place;
};

/* The board that switches a node on and off, whatever the node itself does. */
struct site_bmc {
	char *type; /* "ipmi" or "redfish"; NULL: the node has none */
	char *address;
	uint64_t port; /* FIELD_UNSET: 623 (IPMI, UDP) or 443 (Redfish, TCP) */
	char *user;
	char *cipher;	  /* IPMI: cipher suite "3" or "17"; NULL: the BMC is asked */
	char *pin;	  /* Redfish: "sha256//…" of its public key; NULL: by the CAs */
	char *system;	  /* Redfish: which of several systems; NULL: there is one */
	int network_boot; /* switched on, the node boots from the network */
	struct place place;
};

/* What a node gives to the guests of virtual clusters, and no more. */
struct site_guests {
	uint64_t vcpus;	  /* of all its guests together; FIELD_UNSET: it runs none */
	uint64_t memory;  /* bytes, likewise */
	uint64_t storage; /* bytes of their disks; FIELD_UNSET: it keeps none */
	int emulate;	  /* without hardware virtualisation: QEMU emulates their processors */
	char *pool;	  /* that the disks are cut from */
	char *thin_pool;  /* the thin pool in it that they are cut from; NULL: the pool itself */
	struct text_list networks; /* that the disks are offered on */
	bool closed;	    /* only for now: no more guests are placed there; see runtime_close() */
	struct place place; /* file NULL: the node gives nothing */
};

struct site_node {
	char *name;
	char *role_name;
	struct role *role; /* borrowed from the site; NULL when unknown (a mistake) */
	char *mac;	   /* of the interface it network-boots from: "boot0" on the node */
	char *image;	   /* version of the image it boots, by images.cfg; NULL: the newest */
	char *console;	   /* serial console, "ttyS0,115200"; NULL: the role's */
	char *root;   /* serial number of the disk that its root folder is kept on; NULL: memory */
	char *uplink; /* interface that carries the tagged networks; NULL: boot0 */
	struct text_list may_lose; /* "volume/old": consent in the configuration to lose its data */
	struct text_list given_up; /* the same, that clusters give */
	struct node_address *addresses;
	size_t address_count;
	struct site_bmc bmc;
	struct site_guests guests;
	struct spec_list wants; /* resources declared in the node's group */
	struct spec_list
		arriving; /* guests that are moving here while they run, as they are to be; no apply's */
	struct place place;
	bool addresses_broken; /* what it lacks of them may have been written wrong */
};

struct site {
	char *dir;  /* as given to -C */
	char *name; /* DNS label */
	char *domain;
	char *mirror;			  /* apt mirror of the running nodes */
	struct text_list authorized_keys; /* lines of authorized_keys(5): root's, on every node */
	char *kernel;			  /* "cloud" or "generic" */
	struct text_list firmware;	  /* firmware packages for real hardware */
	char *boot_network;		  /* the untagged network the nodes boot from */
	char *boot_server;		  /* address of the machine that serves DHCP, TFTP, HTTP */
	uint64_t boot_port;		  /* HTTP port */
	char *vlan_pool;		  /* "100-199": tags for clusters; NULL: none */
	struct text_list nameservers;	  /* IP addresses: of frontends, for names outside */
	char *link_pool;		  /* "100.64.0.0/18": see site_link() */
	uint64_t confirm_within_s;	  /* network changes; see docs/protocol.md */
	struct network *networks;
	size_t network_count;
	struct site_node *nodes; /* in the order they are written */
	size_t node_count;
	struct role_list
		roles; /* shipped and own, every one that a node uses or the site defines */
	struct roll_list rolls;	  /* every one that a cluster uses or the site defines */
	struct cluster *clusters; /* by name */
	size_t cluster_count;
	struct text_list files; /* every file read, in that order; places borrow from here */
	struct value_place **value_places; /* what places borrow, a list for each group */
	size_t value_place_count;
	/* Where the settings of the top level are that are checked later. */
	struct place domain_place, mirror_place, boot_place, vlan_pool_place, link_pool_place;
	struct map node_by_name;
	struct map node_by_mac;
	struct map network_by_name;
	struct map cluster_by_name;
};

/*
 * Read DIR/site.cfg, DIR/clusters/NAME.cfg and DIR/allocations/NAME.cfg, the shipped roles under
 * share_dir/roles and the site's own under DIR/roles. Mistakes are collected; the site may be
 * used only when there are none. Returns -1 (with err) only when nothing at all
 * could be read, for example because DIR does not exist.
 */
int site_read(const char *dir, const char *share_dir, struct site *site, struct mistakes *mistakes,
	      struct err *err);
/* The same with `text` in place of DIR/site.cfg, which is not read. */
int site_read_text(const char *text, size_t length, const char *dir, const char *share_dir,
		   struct site *site, struct mistakes *mistakes, struct err *err);
void site_free(struct site *site);
void site_node_free(struct site_node *node);

/* The tables behind the groups of the configuration, for reading, printing and
   `explain`. `boot` and a node's `bmc` and `guests` are groups of their own in the configuration. */
extern const struct field SITE_FIELDS[];
extern const struct field SITE_BOOT_FIELDS[];
extern const struct field NETWORK_FIELDS[];
extern const struct field NODE_FIELDS[];
extern const struct field BMC_FIELDS[];
extern const struct field GUESTS_FIELDS[];
extern const struct field ROLE_FIELDS[];

/* The tags of vlan_pool. False when there is none. */
bool site_vlan_pool(const struct site *site, unsigned *first, unsigned *last);
bool site_link_pool(const struct site *site, struct ipv4_network *pool);
/* The link between the frontend of the cluster with this tag and the gateway it is on: four
   addresses, the second one the gateway's, the third the frontend's. False: link_pool is wrong. */
bool site_link(const struct site *site, uint64_t tag, struct ipv4_network *link);
enum { SITE_LINK_POOL_MAX = 18 }; /* its largest prefix: four addresses for each of 4096 tags */

struct site_node *site_find_node(const struct site *site, const char *name);
struct site_node *site_find_mac(const struct site *site, const char *mac);
struct network *site_find_network(const struct site *site, const char *name);
struct cluster *site_find_cluster(const struct site *site, const char *name);
/* Whether the node's role is this one, or extends it. */
bool site_node_is(const struct site *site, const struct site_node *node, const char *role);
/* Whether guests may run there, whichever it is that they are by now: it is a gateway or a VM server. */
bool site_node_runs_guests(const struct site *site, const struct site_node *node);
/* The node's address on a network, or NULL. */
const char *site_node_address(const struct site_node *node, const char *network);
/* The same of IPv6. */
const char *site_node_address6(const struct site_node *node, const char *network);
/* The address it is reached at by ssh: the one on the boot network. */
const char *site_node_boot_address(const struct site *site, const struct site_node *node);

/* Whether it has a disk to be the cluster manager from (a `system`); and the first node that has, NULL
   when there is none. */
bool site_node_manages(const struct site_node *node);
const struct site_node *site_manager(const struct site *site);

/* The configuration as text that parses again to the same model. */
void site_print(const struct site *site, struct str *out);
#endif
