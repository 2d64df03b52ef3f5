/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/changed.h"

#include "engine/slice.h"
#include "programs/revision.h"

/* What the site says of the node, and where it is reached; NULL: nothing. */
static int whole_slice(const struct site *site, const struct site_key *key, const char *name,
		       json_t **json, struct err *err)
{
	const struct site_node *node = site_find_node(site, name);
	const struct derive from = { .site = site, .node = node, .key = key };
	struct slice slice;
	*json = NULL;
	if (node == NULL)
		return 0;
	if (slice_make(&from, &slice, err) != 0)
		return -1;
	*json = slice_to_json(&slice);
	json_object_set_new(*json, "role", json_string(node->role_name));
	json_object_set_new(*json, "address", json_string(site_node_boot_address(site, node)));
	slice_free(&slice);
	return 0;
}

static int differs(const struct site *site, const struct site *applied, const struct site_key *key,
		   const char *name, bool *changed, struct err *err)
{
	json_t *now = NULL;
	json_t *then = NULL;
	int rc = whole_slice(site, key, name, &now, err);
	if (rc == 0)
		rc = whole_slice(applied, key, name, &then, err);
	*changed = then == NULL || !json_equal(now, then);
	json_decref(now);
	json_decref(then);
	return rc;
}

int changed_keep(const struct options *options, const struct site *site, const struct site_key *key,
		 struct text_list *names, size_t *unchanged)
{
	struct options then = *options;
	struct err err = ERR_INIT;
	struct site applied;
	struct text_list kept = TEXT_LIST_INIT;
	int rc = 0;
	then.revision = REVISION_APPLIED;
	if (!revision_exists(options->site_dir, REVISION_APPLIED)) {
		err_set(&err, "--changed: there is no " REVISION_APPLIED
			      " yet; apply the whole site first, from git");
		return command_fail(&err), -1;
	}
	if (command_site(&then, &applied) != 0) {
		err_set(&err,
			"--changed: that was " REVISION_APPLIED ", which the site is compared "
			"with; leave --changed out");
		return command_fail(&err), -1;
	}
	for (size_t i = 0; rc == 0 && i < names->count; i++) {
		bool changed = false;
		rc = differs(site, &applied, key, names->items[i], &changed, &err);
		if (changed)
			text_list_add(&kept, names->items[i]);
	}
	site_free(&applied);
	if (rc != 0) {
		text_list_free(&kept);
		return command_fail(&err), -1;
	}
	*unchanged = names->count - kept.count;
	text_list_free(names);
	*names = kept;
	return 0;
}
