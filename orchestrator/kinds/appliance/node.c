/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <unistd.h>

#include "engine/plan.h"
#include "kinds/appliance/spec.h"
#include "system/store.h"

static int list(struct node *node, struct text_list *owned, struct err *err)
{
	(void)node;
	return store_list(APPLIANCE_ROOT, owned, err);
}

static int observe(struct node *node, const char *id, const struct spec *want, struct spec *seen,
		   bool *found, struct err *err)
{
	struct appliance *have = seen->body;
	AUTO_FREE char *folder = xasprintf(APPLIANCE_ROOT "/%s", id);
	AUTO_STR struct str content = STR_INIT;
	(void)node;
	(void)want;
	if (store_read(folder, found, &have->kept.files, err) != 0)
		return -1;
	if (!*found)
		return 0;
	if (fetched_content(&have->kept.files, &content, err) != 0)
		return -1;
	have->name = xstrdup(id);
	have->kept.content = str_take(&content);
	return 0;
}

static int apply(struct node *node, const struct step *step, struct err *err)
{
	const struct appliance *want = step->want->body;
	AUTO_FREE char *folder = xasprintf(APPLIANCE_ROOT "/%s", want->name);
	(void)node;
	return store_make(folder, want->kept.url, &want->kept.files, err);
}

static int take_away(struct node *node, const char *id, struct err *err)
{
	AUTO_FREE char *folder = xasprintf(APPLIANCE_ROOT "/%s", id);
	(void)node;
	int rc = store_remove(folder, err);
	rmdir(APPLIANCE_ROOT); /* which only the last one leaves empty */
	return rc;
}

const struct kind_node appliance_node = {
	.name = "appliance",
	.list = list,
	.observe = observe,
	.apply = apply,
	.remove = take_away,
};
