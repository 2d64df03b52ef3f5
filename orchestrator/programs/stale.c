/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/stale.h"

#include <stdio.h>
#include <stdlib.h>

#include "daemon/store.h"
#include "programs/show.h"

/* "git pull" as it works from anywhere: with the key that Moyai logs in with, and its pins. */
static void add_pull(const struct options *options, const struct takeover *takeover,
		     const char *state_dir, struct str *out)
{
	AUTO_FREE char *state = realpath(state_dir, NULL);
	const char *dir = state ? state : state_dir;
	str_addf(
		out,
		"GIT_SSH_COMMAND=\"ssh -i %s/id_ed25519 -o UserKnownHostsFile=%s/known_hosts\" git "
		"-C %s pull --no-rebase root@%s:" STORE_DIR "/site.git main",
		dir, dir, options->site_dir, takeover->address);
}

static char *explain(const struct options *options, const struct takeover *takeover,
		     const char *state_dir, const struct takeover_main *main,
		     const struct revision *revision)
{
	struct str out = STR_INIT;
	struct revision head = { 0 };
	str_addf(&out, "%s has the site at %.12s (", takeover->node, main->commit);
	show_safe(&out, main->about);
	if (revision->commit == NULL) {
		str_addf(&out, "), and %s is in no revision of it; clone it: git clone root@%s:%s",
			 options->site_dir, takeover->address, STORE_DIR "/site.git");
		return str_take(&out);
	}
	bool behind = options->revision != NULL &&
		      revision_find(options->site_dir, NULL, &head, NULL) == 0 && head.commit &&
		      revision_has(options->site_dir, head.commit, main->commit);
	revision_free(&head);
	str_addf(&out, "), which is no part of %s%.12s; ", behind ? "" : "your ", revision->commit);
	if (behind) {
		str_add(&out, "the next apply would undo what goes back by --rev: git revert, "
			      "commit and apply");
		return str_take(&out);
	}
	str_add(&out, "take it up first: ");
	add_pull(options, takeover, state_dir, &out);
	return str_take(&out);
}

char *stale_why(const struct options *options, const struct takeover *takeover,
		const char *state_dir, const struct revision *revision)
{
	struct takeover_main main = { 0 };
	struct err err = ERR_INIT;
	char *why = NULL;
	if (takeover->node == NULL)
		return NULL;
	if (takeover_main_read(state_dir, &main, &err) != 0)
		return xstrdup(err.text);
	if (main.commit != NULL &&
	    (revision->commit == NULL ||
	     !revision_has(options->site_dir, revision->commit, main.commit)))
		why = explain(options, takeover, state_dir, &main, revision);
	takeover_main_free(&main);
	return why;
}

void stale_warn(const struct options *options, const struct reach *reach)
{
	struct revision revision = { 0 };
	struct err err = ERR_INIT;
	if (revision_find(options->site_dir, options->revision, &revision, &err) != 0)
		return; /* said by whoever needs it */
	AUTO_FREE char *why = stale_why(options, &reach->takeover, reach->state_dir, &revision);
	if (why != NULL)
		fprintf(stderr, "apply refuses this as it is: %s\n", why);
	revision_free(&revision);
}
