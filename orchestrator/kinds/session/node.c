/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/export.h"
#include "engine/plan.h"
#include "kinds/session/spec.h"
#include "system/iscsi.h"
#include "system/links.h"
#include "system/multipath.h"
#include "system/node.h"
#include "system/sysfs.h"
#include "system/unit_file.h"
#include "system/virt.h"

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
	AUTO_LIST struct text_list maps = TEXT_LIST_INIT;
	AUTO_FREE char *prefix = iqn_of(node, "");
	if (iscsi_list(prefix, &iqns, err) != 0 || multipath_list(&maps, err) != 0)
		return -1;
	for (size_t i = 0; i < iqns.count; i++) {
		AUTO_FREE char *id = xstrdup(iqns.items[i] + strlen(prefix));
		char *dot = strchr(id, '.');
		if (dot == NULL || dot == id || dot[1] == '\0')
			continue;
		*dot = '/';
		text_list_add(owned, id);
	}
	for (size_t i = 0; i < maps.count; i++)
		if (!text_list_has(owned, maps.items[i]))
			text_list_add(owned, maps.items[i]);
	return 0;
}

/* All that is there of a session. */
struct state {
	struct iscsi_sessions records;
	struct iscsi_sessions running;
	struct multipath map; /* as its file has it */
	bool joins;	      /* there is such a file … */
	bool intact;	      /* … and it is as we write it */
	char *disk;	      /* of the map, "dm-3"; NULL: none */
};

static void state_free(struct state *state)
{
	iscsi_sessions_free(&state->records);
	iscsi_sessions_free(&state->running);
	multipath_free(&state->map);
	free(state->disk);
}

static int state_read(const char *iqn, const char *id, struct state *state, struct err *err)
{
	*state = (struct state){ 0 };
	if (iscsi_records_read(iqn, &state->records, err) != 0 ||
	    iscsi_sessions_read(iqn, &state->running, err) != 0 ||
	    multipath_read(id, &state->map, &state->joins, &state->intact, err) != 0) {
		state_free(state);
		return -1;
	}
	state->disk = multipath_disk(id);
	return 0;
}

static void split(const char *portals, struct text_list *list)
{
	for (const char *at = portals ? portals : ""; *at; at += strspn(at, " ")) {
		size_t length = strcspn(at, " ");
		text_list_take(list, xstrndup(at, length));
		at += length;
	}
}

static char *join(const struct text_list *portals)
{
	AUTO_STR struct str text = STR_INIT;
	for (size_t i = 0; i < portals->count; i++)
		str_addf(&text, "%s%s", i ? " " : "", portals->items[i]);
	return text.length ? str_take(&text) : NULL;
}

static char *portals_of(const struct iscsi_sessions *sessions)
{
	AUTO_LIST struct text_list portals = TEXT_LIST_INIT;
	for (size_t i = 0; i < sessions->count; i++) {
		const char *portal = sessions->items[i].login.portal;
		text_list_add(&portals, portal ? portal : "?");
	}
	return join(&portals);
}

/*
 * Portals of several that nobody is logged in to because nobody answers there, while another one
 * serves: a node has to come up with a network that is dead, and a step could do nothing about it.
 * One that answers is a difference. iscsid retries only what was logged in once.
 */
static void find_silent(struct node *node, const struct session *want, const struct state *state,
			struct text_list *silent)
{
	AUTO_LIST struct text_list portals = TEXT_LIST_INIT;
	if (want == NULL || want->multipath != 1 || state->running.count == 0)
		return;
	split(want->portals, &portals);
	for (size_t i = 0; i < portals.count; i++)
		if (iscsi_sessions_find(&state->running, portals.items[i]) == NULL &&
		    iscsi_sessions_find(&state->records, portals.items[i]) != NULL &&
		    !iscsi_portal_answers(node, portals.items[i]))
			text_list_add(silent, portals.items[i]);
}

/* Of records and sessions the one that is not as wanted; so that both have to be. */
static void see_portals(struct node *node, const struct session *want, const struct state *state,
			struct session *have)
{
	AUTO_LIST struct text_list away = TEXT_LIST_INIT;
	AUTO_LIST struct text_list reached = TEXT_LIST_INIT;
	find_silent(node, want, state, &away);
	text_list_copy(&reached, &away);
	for (size_t i = 0; i < state->running.count; i++) {
		const struct iscsi_session *session = &state->running.items[i];
		const char *portal = session->login.portal ? session->login.portal : "?";
		text_list_add(&reached, portal);
		if (!session->logged_in)
			text_list_add(&away, portal);
	}
	text_list_sort(&reached);
	text_list_sort(&away);
	have->away = join(&away);
	have->portals = join(&reached);
	if (have->portals == NULL || (want && text_equal(have->portals, want->portals))) {
		free(have->portals);
		have->portals = portals_of(&state->records);
	}
}

/* A text of all records and sessions, by its place in struct iscsi_login: the first one that is not
   as wanted, if there is one. What a session does not tell is not held against it. */
static char *see_text(const struct state *state, size_t at, const char *want)
{
	const struct iscsi_sessions *const lists[] = { &state->records, &state->running };
	const char *seen = want;
	bool some = false;
	for (size_t l = 0; l < COUNT_OF(lists); l++)
		for (size_t i = 0; i < lists[l]->count; i++) {
			const char *login = (const char *)&lists[l]->items[i].login;
			const char *value = *(char *const *)(login + at);
			if (value == NULL && lists[l] == &state->running)
				continue;
			if (!some || text_equal(seen, want))
				seen = value;
			some = true;
		}
	return some ? xstrdup(seen) : NULL;
}

static uint64_t see_timeout(const struct state *state, uint64_t want)
{
	const struct iscsi_sessions *const lists[] = { &state->records, &state->running };
	uint64_t seen = FIELD_UNSET;
	for (size_t l = 0; l < COUNT_OF(lists); l++)
		for (size_t i = 0; i < lists[l]->count; i++)
			if (seen == FIELD_UNSET || seen == want)
				seen = lists[l]->items[i].login.timeout_s;
	return seen;
}

/* The one that differs, of the map and of what is below it and there. */
static uint64_t see_size(const struct state *state, uint64_t want)
{
	uint64_t seen = state->disk ? sysfs_block_size(state->disk) : FIELD_UNSET;
	for (size_t i = 0; i < state->running.count; i++) {
		const struct iscsi_session *session = &state->running.items[i];
		if (session->disk != NULL && (session->logged_in || state->disk == NULL) &&
		    (seen == FIELD_UNSET || seen == want))
			seen = sysfs_block_size(session->disk);
	}
	return seen;
}

static bool joined(const struct state *state)
{
	for (size_t i = 0; i < state->running.count; i++)
		if (state->running.items[i].logged_in &&
		    !multipath_joins(state->disk, state->running.items[i].disk))
			return false;
	return true;
}

/* Several ways are one disk, under its name, and somebody watches over them. Of a single one: whether
   something is left of that. */
static int see_multipath(struct node *node, const struct session *want, const struct state *state,
			 const char *name_of_disk, int *multipath, struct err *err)
{
	AUTO_FREE char *named = sysfs_block_name(name_of_disk);
	bool watched = true;
	bool several = want != NULL && want->multipath == 1;
	if (several && state->joins && multipath_watched(node, &watched, err) != 0)
		return -1;
	if (several)
		*multipath = state->joins && state->intact && watched && state->disk != NULL &&
			     text_equal(named, state->disk) && joined(state);
	else
		*multipath = state->joins || state->disk != NULL;
	return 0;
}

/* Whether the session stays as it is: wanted, with these names and secrets, and no other is like it. */
static bool stays(const struct session *want, const struct state *state, size_t index)
{
	AUTO_LIST struct text_list portals = TEXT_LIST_INIT;
	const struct iscsi_session *session = &state->running.items[index];
	const struct iscsi_login *login = &session->login;
	split(want->portals, &portals);
	return login->portal != NULL && text_list_has(&portals, login->portal) &&
	       iscsi_sessions_find(&state->running, login->portal) == session &&
	       text_equal(want->chap_user, login->chap_user) &&
	       text_equal(want->chap_secret, login->chap_secret) &&
	       text_equal(want->mutual_secret, login->mutual_secret) &&
	       text_equal(want->initiator_iqn, login->initiator_iqn);
}

/* From one way to several and back the disk is another one. */
static bool becomes_other(const struct session *want, const struct state *state)
{
	return want->multipath == 1 ? !state->joins : state->joins || state->disk != NULL;
}

static bool goes_away(const struct session *want, const struct state *state)
{
	if (want == NULL || becomes_other(want, state))
		return true;
	for (size_t i = 0; i < state->running.count; i++)
		if (stays(want, state, i))
			return false;
	return state->running.count > 0;
}

/* The disk that is used: of the map, or of the session. Borrowed; NULL: there is none. */
static const char *disk_of(const struct state *state)
{
	const char *disk = state->disk;
	for (size_t i = 0; i < state->running.count && disk == NULL; i++)
		disk = state->running.items[i].disk;
	return disk;
}

static int fill(struct node *node, const struct session *want, const struct state *state,
		struct session *have, struct err *err)
{
	static const struct session NOTHING = { 0 };
	const struct session *w = want ? want : &NOTHING;
	AUTO_FREE char *name_of_disk = xasprintf("/dev/moyai/%s/%s", have->from, have->name);
	if (see_multipath(node, want, state, name_of_disk, &have->multipath, err) != 0)
		return -1;
	see_portals(node, want, state, have);
	have->chap_user = see_text(state, offsetof(struct iscsi_login, chap_user), w->chap_user);
	have->chap_secret =
		see_text(state, offsetof(struct iscsi_login, chap_secret), w->chap_secret);
	have->mutual_secret =
		see_text(state, offsetof(struct iscsi_login, mutual_secret), w->mutual_secret);
	have->initiator_iqn =
		see_text(state, offsetof(struct iscsi_login, initiator_iqn), w->initiator_iqn);
	if (state->joins) {
		have->timeout = state->map.timeout_s;
		have->way_timeout = see_timeout(state, w->way_timeout);
		have->wwid = xstrdup(state->map.wwid);
	} else {
		have->timeout = see_timeout(state, w->timeout);
	}
	have->logged_in = 0;
	for (size_t i = 0; i < state->running.count; i++)
		if (state->running.items[i].logged_in)
			have->logged_in = 1;
	const char *disk = disk_of(state);
	if (disk == NULL)
		return 0;
	have->device = xasprintf("/dev/%s", disk);
	have->size = see_size(state, w->size);
	if (!goes_away(want, state))
		return 0;
	AUTO_FREE char *user = sysfs_block_user(disk);
	/* A unit of ours, or a guest, that has it goes first, where the whole session goes. */
	bool goes_first = user != NULL && want == NULL && unit_file_uses(name_of_disk);
	if (user != NULL && want == NULL && !goes_first &&
	    virt_uses(node, name_of_disk, &goes_first, err) != 0)
		return -1;
	if (user != NULL && !goes_first)
		have->used = xstrdup(user);
	return 0;
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
	struct state state;
	if (state_read(iqn, id, &state, err) != 0)
		return -1;
	if (state.records.count == 0 && state.running.count == 0 && !state.joins &&
	    state.disk == NULL) {
		state_free(&state);
		return 0;
	}
	int rc = -1;
	const struct links *links = links_get(node, err);
	if (links != NULL) {
		/* For needs(): the interfaces stay until the session is gone from them. */
		AUTO_FREE char *recorded = portals_of(&state.records);
		AUTO_FREE char *running = portals_of(&state.running);
		links_toward(links, recorded, &have->links);
		links_toward(links, running, &have->links);
		have->name = xstrdup(slash + 1);
		have->from = xstrndup(id, (size_t)(slash - id));
		have->target_iqn = xstrdup(iqn);
		rc = fill(node, want, &state, have, err);
	}
	*found = rc == 0;
	state_free(&state);
	return rc;
}

/* One round: ask the target where a size is not the wanted one; done: none was. */
static int catch_up_once(const struct session *want, const char *id, const struct state *state,
			 bool *done, struct err *err)
{
	bool asked = false;
	bool some = false;
	for (size_t i = 0; i < state->running.count; i++) {
		const struct iscsi_session *session = &state->running.items[i];
		if (!session->logged_in)
			continue;
		some = true;
		if (sysfs_block_size(session->disk) == want->size)
			continue;
		asked = true;
		if (iscsi_rescan(session, err) != 0)
			return -1;
	}
	if (!asked && state->disk != NULL && sysfs_block_size(state->disk) != want->size) {
		asked = true;
		if (multipath_resize(id, err) != 0)
			return -1;
	}
	*done = some && !asked;
	return 0;
}

/* One that lost its target logs in again by itself, iscsid sees to it. Only
   then can the target be asked for the size of its disk. */
static int catch_up(const struct session *want, const char *id, struct err *err)
{
	bool done = false;
	for (unsigned waited_ms = 0; waited_ms < RECONNECT_MS && !done; waited_ms += POLL_MS) {
		struct state state;
		if (state_read(want->target_iqn, id, &state, err) != 0)
			return -1;
		int rc = catch_up_once(want, id, &state, &done, err);
		state_free(&state);
		if (rc != 0)
			return -1;
		if (!done)
			nanosleep(&(struct timespec){ 0, POLL_MS * 1000000L }, NULL);
	}
	/* What is still missing the engine will see, and say. */
	return 0;
}

/* What cannot be kept goes: all of it when the disk becomes another one. */
static int clear_away(const struct session *want, const char *id, const struct state *state,
		      struct err *err)
{
	bool all = becomes_other(want, state);
	if (all && multipath_flush(id, err) != 0)
		return -1;
	for (size_t i = 0; i < state->running.count; i++)
		if ((all || !stays(want, state, i)) &&
		    iscsi_log_out(&state->running.items[i], err) != 0)
			return -1;
	if (!all || want->multipath == 1)
		return 0;
	return multipath_flush(id, err) == 0 ? multipath_forget(id, err) : -1;
}

/* Before the first way is there: udev asks whether it is one when it sees it. */
static int join_ways(struct node *node, const struct session *want, const char *id,
		     const struct state *state, struct err *err)
{
	const struct multipath map = { .wwid = want->wwid, .timeout_s = want->timeout };
	bool watched = false;
	if (state->joins && multipath_watched(node, &watched, err) != 0)
		return -1;
	if (watched && state->intact && text_equal(state->map.wwid, want->wwid) &&
	    state->map.timeout_s == want->timeout && state->disk != NULL && joined(state))
		return 0;
	return multipath_write(id, &map, err);
}

/* To every portal that nobody is logged in to; where others serve, not to one that is silent. */
static int log_in(struct node *node, const struct session *want, const struct iscsi_login *login,
		  const struct state *state, struct err *err)
{
	AUTO_LIST struct text_list portals = TEXT_LIST_INIT;
	AUTO_LIST struct text_list silent = TEXT_LIST_INIT;
	split(want->portals, &portals);
	for (size_t i = 0; i < portals.count; i++) {
		struct iscsi_login to = *login;
		to.portal = portals.items[i];
		if (iscsi_sessions_find(&state->running, to.portal) != NULL)
			continue;
		if (portals.count > 1 && !iscsi_portal_answers(node, to.portal))
			text_list_add(&silent, to.portal);
		else if (iscsi_log_in(&to, err) != 0)
			return -1;
	}
	if (silent.count < portals.count)
		return 0;
	return err_set(err, "nobody answers at %s", want->portals);
}

static int write_records(const struct session *want, const struct iscsi_login *login,
			 struct err *err)
{
	AUTO_LIST struct text_list portals = TEXT_LIST_INIT;
	split(want->portals, &portals);
	for (size_t i = 0; i < portals.count; i++) {
		struct iscsi_login to = *login;
		to.portal = portals.items[i];
		if (iscsi_record_write(&to, err) != 0)
			return -1;
	}
	return iscsi_records_remove(want->target_iqn, want->portals, err);
}

/* What a running session can take on without a new login. */
static int set_timeouts(const struct state *state, uint64_t timeout_s, struct err *err)
{
	for (size_t i = 0; i < state->running.count; i++)
		if (state->running.items[i].login.timeout_s != timeout_s &&
		    iscsi_set_timeout(&state->running.items[i], timeout_s, err) != 0)
			return -1;
	return 0;
}

static int apply(struct node *node, const struct step *step, struct err *err)
{
	const struct session *want = step->want->body;
	const bool several = want->multipath == 1;
	const struct iscsi_login login = {
		.target_iqn = want->target_iqn,
		.initiator_iqn = want->initiator_iqn,
		.chap_user = want->chap_user,
		.chap_secret = want->chap_secret,
		.mutual_secret = want->mutual_secret,
		.timeout_s = several ? want->way_timeout : want->timeout,
	};
	struct state state;
	if (iscsi_initiator_write(want->initiator_iqn, err) != 0 ||
	    state_read(want->target_iqn, step->id, &state, err) != 0)
		return -1;
	int rc = clear_away(want, step->id, &state, err);
	state_free(&state);
	if (rc != 0 || state_read(want->target_iqn, step->id, &state, err) != 0)
		return -1;
	if (several)
		rc = join_ways(node, want, step->id, &state, err);
	if (rc == 0)
		rc = write_records(want, &login, err);
	if (rc == 0)
		rc = log_in(node, want, &login, &state, err);
	if (rc == 0)
		rc = set_timeouts(&state, login.timeout_s, err);
	if (rc == 0 && state.running.count > 0)
		rc = catch_up(want, step->id, err);
	state_free(&state);
	return rc == 0 ? sysfs_settle(err) : -1;
}

static int take_away(struct node *node, const char *id, struct err *err)
{
	AUTO_FREE char *iqn = iqn_of(node, id);
	struct state state;
	if (state_read(iqn, id, &state, err) != 0)
		return -1;
	int rc = multipath_flush(id, err);
	for (size_t i = 0; i < state.running.count && rc == 0; i++)
		rc = iscsi_log_out(&state.running.items[i], err);
	/* Until it is told, multipathd may make one anew of what it sees in between. */
	if (rc == 0)
		rc = multipath_flush(id, err);
	if (rc == 0)
		rc = iscsi_records_remove(iqn, NULL, err);
	if (rc == 0 && state.joins)
		rc = multipath_forget(id, err);
	state_free(&state);
	return rc;
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
