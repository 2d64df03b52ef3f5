/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/export.h"

#include <stdlib.h>

#include "base/size.h"
#include "engine/refer.h"

enum { ISCSI_PORT = 3260 }; /* RFC 7143 */

void export_free(struct export *export)
{
	free(export->target_iqn);
	free(export->initiator_iqn);
	free(export->portal);
	free(export->chap_user);
	free(export->chap_secret);
	free(export->device);
	*export = (struct export){ 0 };
}

static int add_backing(const struct site_node *owner, const struct spec *target,
		       struct export *export, struct err *err)
{
	const char *volume = refer_text(target, "volume");
	const char *kind = volume ? "volume" : "memory";
	const char *name = volume ? volume : refer_text(target, "memory");
	const struct spec *backing = name ? refer_find(owner, kind, name) : NULL;
	if (backing == NULL)
		return err_set(err, "target %s: there is no %s %s", target->id, kind,
			       name ? name : "for it");
	export->size_bytes = size_round_up(refer_number(backing, "size"), backing->kind->unit);
	export->device = volume ? xasprintf("/dev/moyai-%s/%s", refer_text(backing, "pool"), name)
				: xasprintf("/run/moyai/memory/%s/image", name);
	return 0;
}

int export_make(const struct derive *from, const struct site_node *owner, const struct spec *target,
		struct export *export, struct err *err)
{
	const char *site = from->site->name;
	const char *network = refer_text(target, "network");
	const char *address = site_node_address(owner, network);
	AUTO_STR struct str secret = STR_INIT;
	struct export made = { 0 };
	if (address == NULL)
		return err_set(err, "target %s: %s has no address on network %s", target->id,
			       owner->name, network);
	if (add_backing(owner, target, &made, err) != 0)
		return -1;
	made.target_iqn = xasprintf(IQN_PREFIX "%s:%s.%s", site, owner->name, target->id);
	made.initiator_iqn = xasprintf(IQN_PREFIX "%s:%s", site, refer_text(target, "initiator"));
	made.portal = xasprintf("%s:%d", address, ISCSI_PORT);
	made.chap_user = xasprintf("%s.%s", owner->name, target->id);
	if (from->key != NULL) {
		if (secret_derive(from->key, "chap", made.target_iqn, 0, &secret, err) != 0) {
			export_free(&made);
			return -1;
		}
		made.chap_secret = str_take(&secret);
	}
	*export = made;
	return 0;
}
