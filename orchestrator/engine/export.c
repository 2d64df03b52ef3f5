/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/export.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "engine/device.h"
#include "engine/refer.h"

void export_free(struct export *export)
{
	free(export->target_iqn);
	free(export->initiator_iqn);
	free(export->initiator_iqns);
	free(export->portals);
	free(export->chap_user);
	free(export->chap_secret);
	free(export->mutual_secret);
	free(export->device);
	free(export->serial);
	free(export->wwid);
	*export = (struct export){ 0 };
}

static int add_backing(const struct site_node *owner, const struct spec *target,
		       struct export *export, struct err *err)
{
	const char *volume = refer_text(target, "volume");
	const char *kind = volume ? "volume" : "memory";
	const char *name = volume ? volume : refer_text(target, "memory");
	export->device = device_path(owner, kind, name);
	export->size_bytes = device_size(owner, kind, name);
	if (export->device == NULL)
		return err_set(err, "target %s: there is no %s %s", target->id, kind,
			       name ? name : "for it");
	const struct spec *backing = refer_find(owner, kind, name);
	export->discards = volume ? text_equal(device_volume_type(backing), "thin")
				  : text_equal(refer_text(backing, "backing"), "tmpfs");
	return 0;
}

/* Two secrets that have nothing to do with each other: RFC 7143 9.2.1 asks for that. */
static int add_secrets(const struct site_key *key, struct export *export, struct err *err)
{
	AUTO_STR struct str secret = STR_INIT;
	AUTO_STR struct str mutual = STR_INIT;
	if (secret_derive(key, "chap", export->target_iqn, 0, &secret, err) != 0 ||
	    secret_derive(key, "chap-target", export->target_iqn, 0, &mutual, err) != 0)
		return -1;
	export->chap_secret = str_take(&secret);
	export->mutual_secret = str_take(&mutual);
	return 0;
}

void export_networks(const struct spec *spec, struct text_list *networks)
{
	const char *first = refer_text(spec, "network");
	if (first != NULL)
		text_list_add(networks, first);
	text_list_copy(networks, refer_list(spec, "more_networks"));
}

struct place export_network_place(const struct spec *spec, size_t index)
{
	bool named = refer_text(spec, "network") != NULL;
	if (named && index == 0)
		return place_of(spec->place, "network");
	return place_of_item(spec->place, "more_networks", index - named);
}

/* In the order in which the kernel's folders are listed. */
char *export_portals(const struct site_node *owner, const struct spec *spec, struct err *err)
{
	AUTO_LIST struct text_list networks = TEXT_LIST_INIT;
	AUTO_LIST struct text_list portals = TEXT_LIST_INIT;
	AUTO_STR struct str text = STR_INIT;
	export_networks(spec, &networks);
	for (size_t i = 0; i < networks.count; i++) {
		const char *address = site_node_address(owner, networks.items[i]);
		if (address == NULL) {
			err_set(err, "%s has no address on network %s", owner->name,
				networks.items[i]);
			return NULL;
		}
		text_list_take(&portals, xasprintf("%s:%d", address, EXPORT_PORT));
	}
	text_list_sort(&portals);
	for (size_t i = 0; i < portals.count; i++)
		str_addf(&text, "%s%s", i ? " " : "", portals.items[i]);
	return str_take(&text);
}

/* LIO's name of a disk (VPD page 0x83): NAA 6, its company id 001405, 25 hex digits of the serial;
   the 3 before it says that it is such a name (scsi_id). */
static int add_names(struct export *export, struct err *err)
{
	char hex[HASH_HEX_SIZE];
	if (hash_bytes_hex(export->target_iqn, strlen(export->target_iqn), hex, err) != 0)
		return -1;
	export->serial = xstrndup(hex, 32);
	export->wwid = xasprintf("36001405%.25s", hex);
	return 0;
}

char *export_target_iqn(const struct site *site, const char *owner, const char *target)
{
	return xasprintf(IQN_PREFIX "%s:%s.%s", site->name, owner, target);
}

/* After "…SITE:"; NULL: it is none of ours. */
static const char *after_site(const char *iqn)
{
	const char *colon =
		iqn && text_starts(iqn, IQN_PREFIX) ? strchr(iqn + strlen(IQN_PREFIX), ':') : NULL;
	return colon ? colon + 1 : NULL;
}

char *export_iqn_node(const char *iqn)
{
	const char *node = after_site(iqn);
	return node ? xstrndup(node, strcspn(node, ".")) : NULL;
}

char *export_iqn_target(const char *iqn)
{
	const char *node = after_site(iqn);
	const char *dot = node ? strchr(node, '.') : NULL;
	return dot ? xstrdup(dot + 1) : NULL;
}

bool export_iqn_same_site(const char *a, const char *b)
{
	const char *end = after_site(a);
	return end != NULL && after_site(b) != NULL && strncmp(a, b, (size_t)(end - a)) == 0;
}

static char *initiator_iqn(const struct site *site, const char *node)
{
	return xasprintf(IQN_PREFIX "%s:%s", site->name, node);
}

/* In the order in which the kernel's folders are listed. */
static char *initiator_iqns(const struct site *site, const struct spec *target)
{
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	text_list_take(&names, initiator_iqn(site, refer_text(target, "initiator")));
	if (refer_text(target, "also") != NULL)
		text_list_take(&names, initiator_iqn(site, refer_text(target, "also")));
	text_list_sort(&names);
	return names.count == 1 ? xstrdup(names.items[0])
				: xasprintf("%s %s", names.items[0], names.items[1]);
}

int export_make(const struct derive *from, const struct site_node *owner, const struct spec *target,
		struct export *export, struct err *err)
{
	struct export made = { 0 };
	made.portals = export_portals(owner, target, err);
	if (made.portals == NULL)
		return err_context(err, "target %s", target->id);
	if (add_backing(owner, target, &made, err) != 0) {
		export_free(&made);
		return -1;
	}
	made.target_iqn = export_target_iqn(from->site, owner->name, target->id);
	made.initiator_iqn =
		initiator_iqn(from->site, from->node != owner ? from->node->name
							      : refer_text(target, "initiator"));
	made.initiator_iqns = initiator_iqns(from->site, target);
	made.chap_user = xasprintf("%s.%s", owner->name, target->id);
	if (add_names(&made, err) != 0 ||
	    (from->key != NULL && add_secrets(from->key, &made, err) != 0)) {
		export_free(&made);
		return -1;
	}
	*export = made;
	return 0;
}
