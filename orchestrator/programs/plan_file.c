/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/plan_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/stamp.h"
#include "model/nodeset.h"
#include "programs/show.h"
#include "programs/who.h"

enum { PLAN_FORMAT = 1, PLAN_BYTES_MAX = 256 * 1024 * 1024 };

/* ---- what the site wants of a node, as a digest ---- */

static int hmac_hex(const struct site_key *key, const char *text, char hex[HASH_HEX_SIZE],
		    struct err *err)
{
	uint8_t mine[HASH_BYTES];
	uint8_t mac[HASH_BYTES];
	int rc = hash_hkdf(key->bytes, "moyai plan file", mine, sizeof(mine), err);
	if (rc == 0)
		rc = hash_hmac(mine, text, strlen(text), mac, err);
	if (rc == 0)
		hash_hex(mac, sizeof(mac), hex);
	explicit_bzero(mine, sizeof(mine));
	return rc;
}

static int slice_digest(const struct reach *reach, const struct host *host, char hex[HASH_HEX_SIZE],
			struct err *err)
{
	struct slice slice = { 0 };
	struct derive from = { .site = &reach->site,
			       .node = host->node,
			       .key = &reach->key,
			       .images = &reach->images };
	if (slice_make(&from, &slice, err) != 0)
		return -1;
	json_t *json = slice_to_json(&slice);
	slice_free(&slice);
	char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(json);
	int rc = text ? hmac_hex(&reach->key, text, hex, err)
		      : err_set(err, "%s: cannot be written as JSON", host->name);
	if (text)
		explicit_bzero(text, strlen(text)); /* it holds secrets */
	free(text);
	return rc;
}

/* ---- writing ---- */

static json_t *step_json(const char *node, const struct remote_step *step)
{
	json_t *json = show_step_json(node, step);
	json_object_del(json, "event");
	json_object_del(json, "node");
	json_object_set_new(json, "digest", json_string(step->digest));
	return json;
}

static json_t *host_json(const struct reach *reach, const struct host *host, struct err *err)
{
	char digest[HASH_HEX_SIZE];
	json_t *steps = json_array();
	if (slice_digest(reach, host, digest, err) != 0) {
		json_decref(steps);
		return NULL;
	}
	for (size_t i = 0; i < host->step_count; i++)
		json_array_append_new(steps, step_json(host->name, &host->steps[i]));
	return json_pack("{s:s, s:s, s:o}", "node", host->name, "slice", digest, "steps", steps);
}

int plan_file_write(const char *path, const struct reach *reach, const struct fleet *fleet,
		    const struct revision *revision, struct err *err)
{
	char now[STAMP_SIZE];
	AUTO_FREE char *who = who_am_i();
	json_t *hosts = json_array();
	for (size_t i = 0; i < fleet->chosen; i++) {
		json_t *host = host_json(reach, &fleet->hosts[i], err);
		if (host == NULL) {
			json_decref(hosts);
			return -1;
		}
		json_array_append_new(hosts, host);
	}
	json_t *plan = json_pack("{s:i, s:s, s:s, s:s, s:s?, s:b, s:o}", "moyai_plan", PLAN_FORMAT,
				 "site", reach->site.name, "made", stamp_utc(time(NULL), now), "by",
				 who, "revision", revision->commit, "modified",
				 (int)revision->modified, "nodes", hosts);
	char *text = json_dumps(plan, JSON_INDENT(1));
	json_decref(plan);
	if (text == NULL)
		return err_set(err, "%s: the plan cannot be written as JSON", path);
	AUTO_FREE char *line = xasprintf("%s\n", text);
	free(text);
	return file_write(path, line, strlen(line), 0600, err);
}

/* ---- reading ---- */

static int read_nodes(const json_t *hosts, struct str *nodes, struct err *err)
{
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	size_t i, s;
	const json_t *host;
	const json_t *step;
	json_array_foreach(hosts, i, host)
	{
		const char *name, *slice, *text;
		json_t *steps;
		if (json_unpack((json_t *)host, "{s:s, s:s, s:o !}", "node", &name, "slice", &slice,
				"steps", &steps) != 0 ||
		    !json_is_array(steps))
			return err_set(err, "node %zu is not { node, slice, steps }", i + 1);
		json_array_foreach(steps, s, step) if (
			json_unpack((json_t *)step, "{s:s, s:s, s:s, s:s}", "do", &text, "kind",
				    &text, "id", &text, "digest", &text) !=
			0) return err_set(err, "step %zu of %s is not { do, kind, id, digest }",
					  s + 1, name);
		text_list_add(&names, name);
	}
	nodeset_fold(&names, nodes);
	return 0;
}

int plan_file_read(const char *path, const char *site, json_t **plan, struct str *nodes,
		   struct err *err)
{
	AUTO_STR struct str text = STR_INIT;
	int format;
	const char *of;
	json_t *hosts;
	if (file_read(path, PLAN_BYTES_MAX, &text, err) != 0)
		return -1;
	json_t *read = json_loadb(str_text(&text), text.length, JSON_REJECT_DUPLICATES, NULL);
	int rc = -1;
	if (read == NULL ||
	    json_unpack(read, "{s:i, s:s, s:o}", "moyai_plan", &format, "site", &of, "nodes",
			&hosts) != 0 ||
	    !json_is_array(hosts))
		err_set(err, "%s: is not a file of moyai plan --out", path);
	else if (format != PLAN_FORMAT)
		err_set(err, "%s: is a plan of format %d; this moyai writes %d; plan again", path,
			format, PLAN_FORMAT);
	else if (strcmp(of, site) != 0)
		err_set(err, "%s: is a plan of the site \"%s\", and this is \"%s\"", path, of,
			site);
	else if (json_array_size(hosts) == 0)
		err_set(err, "%s: is a plan of no nodes", path);
	else if (read_nodes(hosts, nodes, err) != 0)
		err_context(err, "%s", path);
	else
		rc = 0;
	if (rc == 0)
		*plan = read;
	else
		json_decref(read);
	return rc;
}

/* ---- comparing ---- */

static const char *get(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static const struct host *find_host(const struct fleet *fleet, const char *name)
{
	for (size_t i = 0; i < fleet->chosen; i++)
		if (strcmp(fleet->hosts[i].name, name) == 0)
			return &fleet->hosts[i];
	return NULL;
}

static const struct remote_step *find_step(const struct host *host, const json_t *like)
{
	for (size_t i = 0; i < host->step_count; i++)
		if (text_equal(host->steps[i].kind, get(like, "kind")) &&
		    text_equal(host->steps[i].id, get(like, "id")))
			return &host->steps[i];
	return NULL;
}

/* Why a step is not the one of the plan, or NULL. */
static const char *why_other(const struct remote_step *step, const json_t *like)
{
	json_t *now = step_json("", step);
	const char *why = NULL;
	if (strcmp(step->digest, get(like, "digest")) != 0)
		why = "what is there has changed";
	else if (!json_equal(json_object_get(now, "refused"), json_object_get(like, "refused")))
		why = step->refused ? "it is refused now" : "it is not refused any more";
	else if (!json_equal(now, like))
		why = "something else would be done";
	json_decref(now);
	return why;
}

static void add_change(struct str *changes, const char *node, const char *kind, const char *id,
		       const char *what)
{
	AUTO_FREE char *step = xasprintf("%s %s/%s", node, kind, id);
	show_safe(changes, step);
	str_addf(changes, ": %s\n", what);
}

static void compare_steps(const struct host *host, const json_t *steps, struct str *changes)
{
	AUTO_LIST struct text_list known = TEXT_LIST_INIT;
	size_t i;
	const json_t *like;
	json_array_foreach(steps, i, like)
	{
		const char *kind = get(like, "kind");
		const char *id = get(like, "id");
		const struct remote_step *step = find_step(host, like);
		const char *why = step ? why_other(step, like) : "there is nothing to do any more";
		text_list_take(&known, xasprintf("%s/%s", kind, id));
		if (why)
			add_change(changes, host->name, kind, id, why);
	}
	for (i = 0; i < host->step_count; i++) {
		const struct remote_step *step = &host->steps[i];
		AUTO_FREE char *name = xasprintf("%s/%s", step->kind, step->id);
		if (!text_list_has(&known, name))
			add_change(changes, host->name, step->kind, step->id,
				   "the plan has no such step");
	}
}

int plan_file_compare(const json_t *plan, const struct reach *reach, const struct fleet *fleet,
		      struct str *changes, struct err *err)
{
	size_t i;
	const json_t *planned;
	json_array_foreach(json_object_get(plan, "nodes"), i, planned)
	{
		const char *name = get(planned, "node");
		const struct host *host = find_host(fleet, name);
		char digest[HASH_HEX_SIZE];
		if (host == NULL) {
			str_addf(changes, "%s: it is in maintenance now\n", name);
			continue;
		}
		if (host->failed) {
			str_addf(changes, "%s: it cannot be planned now\n", name);
			continue;
		}
		if (slice_digest(reach, host, digest, err) != 0)
			return -1;
		if (strcmp(digest, get(planned, "slice")) != 0)
			str_addf(changes, "%s: the site wants something else of it\n", name);
		compare_steps(host, json_object_get(planned, "steps"), changes);
	}
	return 0;
}
