/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/export.h"
#include "engine/plan.h"
#include "kinds/session/spec.h"
#include "system/iscsi.h"
#include "system/links.h"
#include "system/node.h"
#include "system/sysfs.h"
#include "system/unit_file.h"

enum { RECONNECT_MS = 15000, POLL_MS = 200 };

/* "store1/home" → "iqn.2026-11.moyai.demo:store1.home". Both parts are DNS labels. */
static char *iqn_of(const struct node *node, const char *id)
{
	char *iqn = xasprintf(IQN_PREFIX "%s:%s", node->site, id);
	char *slash = strchr(iqn, '/');
	if (slash != NULL)
		*slash = '.';
	return iqn;
}

static int list(struct node *node, struct text_list *owned, struct err *err)
{
	AUTO_LIST struct text_list iqns = TEXT_LIST_INIT;
	AUTO_FREE char *prefix = iqn_of(node, "");
	if (iscsi_list(prefix, &iqns, err) != 0)
		return -1;
	for (size_t i = 0; i < iqns.count; i++) {
		AUTO_FREE char *id = xstrdup(iqns.items[i] + strlen(prefix));
		char *dot = strchr(id, '.');
		if (dot == NULL || dot == id || dot[1] == '\0')
			continue;
		*dot = '/';
		text_list_add(owned, id);
	}
	return 0;
}

/* Of the two, the one that is not as wanted; so that both have to be. */
static char *worse(const char *want, const char *record, const char *running)
{
	return xstrdup(running != NULL && !text_equal(running, want) ? running : record);
}

static bool needs_new_login(const struct session *want, const struct iscsi_login *running)
{
	return !text_equal(want->portal, running->portal) ||
	       !text_equal(want->chap_user, running->chap_user) ||
	       !text_equal(want->chap_secret, running->chap_secret) ||
	       !text_equal(want->mutual_secret, running->mutual_secret) ||
	       !text_equal(want->initiator_iqn, running->initiator_iqn);
}

static void fill(const struct session *want, const struct iscsi_login *record,
		 const struct iscsi_session *running, struct session *have)
{
	static const struct session NOTHING = { 0 };
	const struct session *w = want ? want : &NOTHING;
	const struct iscsi_login *r = &running->login;
	have->portal = worse(w->portal, record->portal, r->portal);
	have->chap_user = worse(w->chap_user, record->chap_user, r->chap_user);
	have->chap_secret = worse(w->chap_secret, record->chap_secret, r->chap_secret);
	have->mutual_secret = worse(w->mutual_secret, record->mutual_secret, r->mutual_secret);
	AUTO_FREE char *name = iscsi_initiator_read();
	have->initiator_iqn = worse(w->initiator_iqn, name, r->initiator_iqn);
	have->timeout =
		r->target_iqn && r->timeout_s != w->timeout ? r->timeout_s : record->timeout_s;
	have->logged_in = running->logged_in;
	if (running->disk != NULL) {
		have->device = xasprintf("/dev/%s", running->disk);
		have->size = sysfs_block_size(running->disk);
		AUTO_FREE char *name_of_disk =
			xasprintf("/dev/moyai/%s/%s", have->from, have->name);
		if ((want == NULL || needs_new_login(want, r)) && !unit_file_uses(name_of_disk))
			have->used = sysfs_block_user(running->disk);
	}
}

static int observe(struct node *node, const char *id, const struct spec *wanted, struct spec *seen,
		   bool *found, struct err *err)
{
	const struct session *want = wanted ? wanted->body : NULL;
	struct session *have = seen->body;
	const char *slash = strchr(id, '/');
	*found = false;
	/* It may come from another program than ours, over the wire. */
	if (slash == NULL || slash == id || slash[1] == '\0')
		return err_set(err, "session %s: the id is not FROM/NAME", id);
	AUTO_FREE char *iqn = iqn_of(node, id);
	struct iscsi_login record = { 0 };
	struct iscsi_session running = { 0 };
	bool recorded = false;
	bool runs = false;
	if (iscsi_record_read(iqn, &record, &recorded, err) != 0)
		return -1;
	if (iscsi_session_read(iqn, &running, &runs, err) != 0) {
		iscsi_login_free(&record);
		return -1;
	}
	*found = recorded || runs;
	const struct links *links = *found ? links_get(node, err) : NULL;
	if (links == NULL)
		goto out;
	/* For needs(): the interface stays until the session is gone from it. */
	const char *portal = runs ? running.login.portal : record.portal;
	have->link = xstrdup(links_toward(links, portal));
	have->name = xstrdup(slash + 1);
	have->from = xstrndup(id, (size_t)(slash - id));
	have->target_iqn = xstrdup(iqn);
	fill(want, &record, &running, have);
out:
	iscsi_login_free(&record);
	iscsi_session_free(&running);
	return *found && links == NULL ? -1 : 0;
}

/* One that lost its target logs in again by itself, iscsid sees to it. Only
   then can the target be asked for the size of its disk. */
static int catch_up(const struct session *want, struct err *err)
{
	for (unsigned waited_ms = 0; waited_ms < RECONNECT_MS; waited_ms += POLL_MS) {
		struct iscsi_session running = { 0 };
		bool runs;
		if (iscsi_session_read(want->target_iqn, &running, &runs, err) != 0)
			return -1;
		bool size_differs = running.disk && sysfs_block_size(running.disk) != want->size;
		int rc = running.logged_in && size_differs ? iscsi_rescan(&running, err) : 0;
		bool done = running.logged_in && !size_differs;
		iscsi_session_free(&running);
		if (rc != 0 || done)
			return rc;
		nanosleep(&(struct timespec){ 0, POLL_MS * 1000000L }, NULL);
	}
	/* What is still missing the engine will see, and say. */
	return 0;
}

/* What a running session can take on without a new login. */
static int adjust(const struct session *want, const struct iscsi_session *running, struct err *err)
{
	if (running->login.timeout_s != want->timeout &&
	    iscsi_set_timeout(running, want->timeout, err) != 0)
		return -1;
	return catch_up(want, err);
}

static int apply(struct node *node, const struct step *step, struct err *err)
{
	const struct session *want = step->want->body;
	const struct iscsi_login login = {
		.target_iqn = want->target_iqn,
		.portal = want->portal,
		.initiator_iqn = want->initiator_iqn,
		.chap_user = want->chap_user,
		.chap_secret = want->chap_secret,
		.mutual_secret = want->mutual_secret,
		.timeout_s = want->timeout,
	};
	struct iscsi_session running = { 0 };
	bool runs;
	(void)node;
	if (iscsi_initiator_write(want->initiator_iqn, err) != 0 ||
	    iscsi_session_read(want->target_iqn, &running, &runs, err) != 0)
		return -1;
	bool again = runs && needs_new_login(want, &running.login);
	int rc = 0;
	if (again)
		rc = iscsi_log_out(&running, err);
	if (rc == 0)
		rc = iscsi_record_write(&login, err);
	if (rc == 0 && (!runs || again))
		rc = iscsi_log_in(&login, err);
	else if (rc == 0)
		rc = adjust(want, &running, err);
	iscsi_session_free(&running);
	if (rc != 0)
		return -1;
	return sysfs_settle(err);
}

static int take_away(struct node *node, const char *id, struct err *err)
{
	AUTO_FREE char *iqn = iqn_of(node, id);
	struct iscsi_session running = { 0 };
	bool runs;
	if (iscsi_session_read(iqn, &running, &runs, err) != 0)
		return -1;
	int rc = runs ? iscsi_log_out(&running, err) : 0;
	iscsi_session_free(&running);
	return rc == 0 ? iscsi_record_remove(iqn, err) : -1;
}

const struct kind_node session_node = {
	.name = "session",
	.list = list,
	.observe = observe,
	.apply = apply,
	.remove = take_away,
	/* A target that restarts, a disk that is attached after the login. */
	.settle_ms = 20000,
};
