/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/node.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "engine/plan.h"
#include "kinds/journal/spec.h"
#include "system/config_unit.h"
#include "system/netconsole.h"

/*
 * The file has all that the daemon reads, in PEM, which passes over other lines: where to, the two
 * certificates, the key. The daemon runs as a user of its own that systemd makes for it, and gets
 * the file as a credential.
 */
#define PROGRAM "/lib/systemd/systemd-journal-upload"
#define KEY_BEGINS "-----BEGIN PRIVATE KEY-----"
enum { SETTLE_MS = 20000 };

static int journal_list(struct node *node, struct text_list *owned, struct err *err)
{
	(void)node;
	return config_units_list("journal", owned, err);
}

/* "# https://…", certificates, key. */
static int split(const struct text_list *lines, struct journal *body, struct err *err)
{
	AUTO_STR struct str key = STR_INIT;
	for (size_t i = 0; i < lines->count; i++) {
		const char *line = lines->items[i];
		if (i == 0 && text_starts(line, "# "))
			body->server = xstrdup(line + 2);
		else if (key.length > 0 || text_equal(line, KEY_BEGINS))
			str_addf(&key, "%s\n", line);
		else
			text_list_add(&body->certificates, line);
	}
	body->key = str_take(&key);
	return journal_digest(&body->certificates, &body->certificate, err);
}

static int journal_observe(struct node *node, const char *id, const struct spec *want,
			   struct spec *have, bool *found, struct err *err)
{
	struct journal *body = have->body;
	AUTO_LIST struct text_list lines = TEXT_LIST_INIT;
	(void)want;
	if (config_unit_get(node, "journal", id, &body->trouble, &lines, &body->state, found,
			    err) != 0)
		return -1;
	if (!*found)
		return 0;
	body->name = xstrdup(id);
	body->kernel = netconsole_read();
	if (body->kernel == NULL)
		body->kernel = xstrdup("nowhere");
	return split(&lines, body, err);
}

static int start_upload(struct node *node, const struct journal *want, struct err *err)
{
	AUTO_FREE char *pem =
		xasprintf("/run/credentials/moyai-journal-%s.service/pem", want->name);
	AUTO_FREE char *url = xasprintf("--url=%s", want->server);
	AUTO_FREE char *key = xasprintf("--key=%s", pem);
	AUTO_FREE char *cert = xasprintf("--cert=%s", pem);
	AUTO_FREE char *trust = xasprintf("--trust=%s", pem);
	AUTO_FREE char *load =
		xasprintf("--property=LoadCredential=pem:/run/moyai/journal/%s.conf", want->name);
	const char *const command[] = {
		PROGRAM, "--save-state=/var/lib/moyai-journal/state", url, key, cert, trust, NULL
	};
	/* It ends whenever the manager does not answer; what is said of that each time must not fill the
	   journal that is to be sent. By its stderr it is known whose line it is, also when it has
	   ended before journald reads it. */
	const char *const properties[] = { "--property=Restart=always",
					   "--property=RestartSec=10",
					   "--property=LogLevelMax=err",
					   "--setenv=SYSTEMD_LOG_TARGET=console",
					   "--property=SyslogLevel=err",
					   "--property=DynamicUser=yes",
					   "--property=SupplementaryGroups=systemd-journal",
					   "--property=StateDirectory=moyai-journal",
					   load,
					   NULL };
	const struct config_unit unit = { .kind = "journal",
					  .name = want->name,
					  .command = command,
					  .properties = properties,
					  .secret = true };
	AUTO_LIST struct text_list lines = TEXT_LIST_INIT;
	text_list_take(&lines, xasprintf("# %s", want->server));
	text_list_copy(&lines, &want->certificates);
	for (const char *at = want->key; at && *at;) {
		size_t length = strcspn(at, "\n");
		text_list_take(&lines, xstrndup(at, length));
		at += length + (at[length] == '\n');
	}
	return config_unit_apply(node, &unit, &lines, err);
}

static int journal_apply(struct node *node, const struct step *step, struct err *err)
{
	const struct journal *want = step->want->body;
	const struct journal *have = step->have ? step->have->body : NULL;
	bool same = have && text_equal(have->server, want->server) &&
		    text_equal(have->certificate, want->certificate) &&
		    text_equal(have->key, want->key) && text_equal(have->state, want->state);
	if (!file_exists(PROGRAM))
		return err_set(err, PROGRAM " is not in this node's image; build it anew and let "
					    "the node boot it");
	if (!same && start_upload(node, want, err) != 0)
		return -1;
	if (have && text_equal(have->kernel, want->kernel))
		return 0;
	return text_equal(want->kernel, "nowhere") ? netconsole_stop(err)
						   : netconsole_start(want->kernel, err);
}

static int journal_remove(struct node *node, const char *id, struct err *err)
{
	/* The file is the mark, and goes last. */
	if (netconsole_stop(err) != 0)
		return -1;
	return config_unit_remove(node, "journal", id, err);
}

const struct kind_node journal_node = {
	.name = "journal",
	.list = journal_list,
	.observe = journal_observe,
	.apply = journal_apply,
	.remove = journal_remove,
	.settle_ms = SETTLE_MS,
};
