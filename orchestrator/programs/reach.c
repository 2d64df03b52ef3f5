/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/reach.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/address.h"
#include "engine/expand.h"
#include "model/nodeset.h"
#include "power/power.h"
#include "programs/changed.h"
#include "programs/interrupt.h"
#include "programs/places.h"
#include "programs/show.h"
#include "programs/takeover.h"
#include "programs/who.h"

enum {
	CONNECT_TIMEOUT_MS = 10000,
	LOGIN_TIMEOUT_MS = 40000, /* seconds under emulation, while the node still boots */
	ANSWER_TIMEOUT_MS = 60000,
	STEP_TIMEOUT_MS = 600000, /* a pvmove or an mkfs says nothing for long */
	RUN_TIMEOUT_MS = 3600000,
	SSH_PORT = 22,
};

static int ssh_port(unsigned *port, struct err *err)
{
	const char *text = getenv("MOYAI_SSH_PORT");
	char *end;
	*port = SSH_PORT;
	if (text == NULL)
		return 0;
	unsigned long number = strtoul(text, &end, 10);
	if (*text == '\0' || *end != '\0' || number < 1 || number > 65535)
		return err_set(err, "MOYAI_SSH_PORT=%s: write a number from 1 to 65535", text);
	*port = (unsigned)number;
	return 0;
}

int reach_ssh(const char *state_dir, struct ssh_options *ssh, struct err *err)
{
	*ssh = (struct ssh_options){ .state_dir = state_dir,
				     .user = "root",
				     .connect_timeout_ms = CONNECT_TIMEOUT_MS,
				     .login_timeout_ms = LOGIN_TIMEOUT_MS };
	return ssh_port(&ssh->port, err) == 0 ? ssh_setup(err) : -1;
}

#define CLUSTER_SCOPE "cluster/"

/* cluster/NAME stands for all that the cluster's record names. */
static int add_cluster_scopes(const char *scope, const struct site *site, struct text_list *scopes,
			      struct err *err)
{
	const char *name = scope + strlen(CLUSTER_SCOPE);
	const struct cluster *cluster = site_find_cluster(site, name);
	if (cluster == NULL)
		return err_set(
			err,
			"--allow-data-loss=%s: there is no cluster \"%s\"; what is left of one "
			"whose files are gone is allowed by node",
			scope, name);
	expand_scopes(cluster, scopes);
	return 0;
}

/* A scope that names nothing would silently allow nothing. The last part is not checked: what is
   to be removed is on the node, and not in the site any more. */
static int check_scopes(const struct options *options, const struct site *site,
			struct text_list *scopes, struct err *err)
{
	for (size_t i = 0; i < options->allow_data_loss.count; i++) {
		const char *scope = options->allow_data_loss.items[i];
		size_t length = strcspn(scope, "/");
		AUTO_FREE char *node = xstrndup(scope, length);
		if (text_starts(scope, CLUSTER_SCOPE) && site_find_node(site, node) == NULL) {
			if (add_cluster_scopes(scope, site, scopes, err) != 0)
				return -1;
			continue;
		}
		text_list_add(scopes, scope);
		if (site_find_node(site, node) == NULL)
			return err_set(err, "--allow-data-loss=%s: there is no node \"%s\"", scope,
				       node);
		if (scope[length] == '\0')
			continue;
		const char *rest = scope + length + 1;
		AUTO_FREE char *kind = xstrndup(rest, strcspn(rest, "/"));
		if (kind_find(kind) == NULL)
			return err_set(err, "--allow-data-loss=%s: there is no kind \"%s\"", scope,
				       kind);
		if (text_ends(scope, "/"))
			return err_set(err,
				       "--allow-data-loss=%s: write NODE, NODE/KIND or "
				       "NODE/KIND/NAME",
				       scope);
	}
	return 0;
}

int reach_choose(const struct options *options, const char *nodes, const struct site *site,
		 struct text_list *names, struct err *err)
{
	AUTO_LIST struct text_list asked = TEXT_LIST_INIT;
	AUTO_LIST struct text_list limit = TEXT_LIST_INIT;
	if (nodeset_parse(nodes, site, &asked, err) != 0)
		return -1;
	if (options->limit && nodeset_parse(options->limit, site, &limit, err) != 0)
		return err_context(err, "--limit");
	for (size_t i = 0; i < asked.count; i++)
		if (options->limit == NULL || text_list_has(&limit, asked.items[i]))
			text_list_add(names, asked.items[i]);
	if (options->limit && names->count == 0)
		return err_set(err, "--limit %s leaves none of \"%s\"", options->limit, nodes);
	return 0;
}

/* Where a cluster manager has taken over, what it says of keys and images counts; when it
   does not answer, what it said last. */
static int ask_manager(const struct options *options, struct reach *reach, struct err *err)
{
	struct takeover *takeover = &reach->takeover;
	struct err why = ERR_INIT;
	char address[INET_ADDRSTRLEN];
	char interface[IF_NAMESIZE];
	const char *ignore = getenv("MOYAI_TAKEOVER");
	if (!text_equal(ignore, "ignore") && takeover_read(reach->state_dir, takeover, err) != 0)
		return -1;
	const char *server = takeover->address;
	if (server == NULL && boot_address_find(&reach->site, address, interface, NULL) == 0)
		server = address;
	if (server)
		reach->images_url = xasprintf("http://%s:%llu/image/", server,
					      (unsigned long long)reach->site.boot_port);
	reach->remote.images_url = reach->images_url;
	AUTO_FREE char *told = takeover_images(reach->state_dir);
	bool ask = takeover->node != NULL &&
		   (reach->remote.transport == NULL || takeover_transport() != NULL);
	reach->heard = ask && takeover_sync(takeover, &reach->remote.ssh, reach->state_dir,
					    reach->stop, &why) == 0;
	if (ask && !reach->heard)
		fprintf(stderr,
			"moyai: the cluster manager does not answer; keys and images are what it "
			"told last: %s: %s\n",
			takeover->node, why.text);
	image_set_read(takeover->node ? told : options->images_dir, &reach->site, &reach->images);
	return 0;
}

static bool is_off(const void *context, const struct site_node *node)
{
	const struct reach *reach = context;
	return power_is_off(reach->state_dir, node);
}

static int fill(const struct options *options, struct reach *reach, struct err *err)
{
	struct remote_options *remote = &reach->remote;
	reach->who = who_am_i();
	unsigned limit_ms = options->timeout_s * 1000;
	*remote = (struct remote_options){
		.site = &reach->site,
		.key = &reach->key,
		.images = &reach->images,
		.transport = getenv("MOYAI_TRANSPORT"),
		.who = reach->who,
		.parallel = options->parallel,
		.answer_timeout_ms = limit_ms ? limit_ms : ANSWER_TIMEOUT_MS,
		.step_timeout_ms = limit_ms ? limit_ms : STEP_TIMEOUT_MS,
		.run_timeout_ms = limit_ms ? limit_ms : RUN_TIMEOUT_MS,
		.allow_data_loss = &reach->may_lose,
		.left_alone = &reach->left_alone,
		.unattended = options->unattended,
		.stop = reach->stop,
		.is_off = is_off,
		.context = reach,
	};
	if (reach_ssh(reach->state_dir, &remote->ssh, err) != 0)
		return -1;
	if (limit_ms && limit_ms < CONNECT_TIMEOUT_MS)
		remote->ssh.connect_timeout_ms = limit_ms;
	if (limit_ms && limit_ms < LOGIN_TIMEOUT_MS)
		remote->ssh.login_timeout_ms = limit_ms;
	if (ask_manager(options, reach, err) != 0)
		return -1;
	const char *program = getenv("MOYAI_NODE_PROGRAM");
	reach->node_program = program ? xstrdup(program) : places_for_nodes("moyai-node");
	remote->node_program = reach->node_program;
	return hash_file_hex(reach->node_program, remote->build, err);
}

/* For the person who reads the log of moyaid. */
static void tell_unknown(const struct options *options, const char *name)
{
	AUTO_STR struct str line = STR_INIT;
	AUTO_FREE char *why =
		xasprintf("not in the site of revision %.12s: it is applied when a person has "
			  "applied a site that has it",
			  options->revision ? options->revision : "HEAD");
	if (options->json)
		show_json_line(&line, json_pack("{s:s, s:s, s:s}", "event", "error", "node", name,
						"error", why));
	else
		str_addf(&line, "%s: %s\n", name, why);
	fputs(str_text(&line), options->json ? stdout : stderr);
	fflush(stdout);
}

/*
 * moyaid names the nodes that asked, by the last revision of the site; what is applied is the one
 * that a person applied. A node that is not in that yet does not hold up the others.
 */
static int choose_known(const struct options *options, const struct site *site,
			struct text_list *names, struct err *err)
{
	AUTO_LIST struct text_list asked = TEXT_LIST_INIT;
	if (nodeset_parse(options->limit, site, names, err) == 0)
		return 0;
	if (nodeset_expand(options->limit, &asked, NULL) != 0)
		return err_context(err, "--limit");
	for (size_t i = 0; i < asked.count; i++)
		if (site_find_node(site, asked.items[i]) == NULL)
			tell_unknown(options, asked.items[i]);
	for (size_t i = 0; i < site->node_count; i++)
		if (text_list_has(&asked, site->nodes[i].name))
			text_list_add(names, site->nodes[i].name);
	return names->count > 0 ? 0 : err_set(err, "--limit %s: nobody is left", options->limit);
}

int reach_site(const struct options *options, const char *nodes, const char *note,
	       struct reach *reach)
{
	struct err err = ERR_INIT;
	*reach = (struct reach){ .stop = interrupt_watch(note) };
	if (command_site(options, &reach->site) != 0)
		return -1;
	reach->state_dir = command_state_dir(options, &reach->site);
	if (reach->state_dir == NULL)
		return -1;
	if (nodes == NULL && options->unattended && options->limit) {
		if (choose_known(options, &reach->site, &reach->names, &err) != 0) {
			command_fail(&err);
			return -1;
		}
	} else if (nodes == NULL && command_nodes(options, &reach->site, &reach->names) != 0) {
		return -1;
	}
	if (check_scopes(options, &reach->site, &reach->may_lose, &err) != 0 ||
	    (nodes && reach_choose(options, nodes, &reach->site, &reach->names, &err) != 0) ||
	    site_key_load(reach->state_dir, &reach->key, &err) != 0 ||
	    /* Who is in maintenance, the manager knows. */
	    fill(options, reach, &err) != 0 ||
	    runtime_read(reach->state_dir, &reach->runtime, &err) != 0) {
		command_fail(&err);
		return -1;
	}
	if (!options->changed)
		return 0;
	return changed_keep(options, &reach->site, &reach->key, &reach->names, &reach->unchanged);
}

int reach_nodes(const struct options *options, struct reach *reach)
{
	struct err err = ERR_INIT;
	reach->fleet.event = progress_event;
	reach->fleet.context = &reach->progress;
	if (fleet_open(&reach->fleet, &reach->remote, &reach->names, &err) != 0) {
		command_fail(&err);
		return -1;
	}
	progress_open(&reach->progress, &reach->names, options->json);
	reach->progress.notes = options->notes;
	return 0;
}

int reach_open(const struct options *options, const char *nodes, const char *note,
	       struct reach *reach)
{
	if (reach_site(options, nodes, note, reach) != 0)
		return -1;
	return reach_nodes(options, reach);
}

void reach_leave_alone(const struct options *options, struct reach *reach)
{
	AUTO_LIST struct text_list maintained = TEXT_LIST_INIT;
	AUTO_LIST struct text_list others = TEXT_LIST_INIT;
	AUTO_STR struct str text = STR_INIT;
	/* A machine that repairs the site by itself names nodes, too, and means nothing by it. */
	bool named = options->limit && !options->unattended;
	for (size_t i = 0; i < reach->names.count; i++) {
		const char *name = reach->names.items[i];
		const struct maintenance *item = runtime_maintenance(&reach->runtime, name);
		text_list_add(item ? &maintained : &others, name);
		if (item && options->json)
			show_json_line(&text, show_maintenance_json(item));
	}
	if (!options->json)
		show_maintenance(&reach->runtime, &maintained,
				 named ? "but named by --limit" : "left alone", &text);
	fputs(str_text(&text), options->json ? stdout : stderr);
	if (named)
		return;
	text_list_free(&reach->names);
	text_list_copy(&reach->names, &others);
	text_list_copy(&reach->left_alone, &maintained);
}

char *reach_unrecorded(const struct site *site)
{
	AUTO_STR struct str names = STR_INIT;
	for (size_t i = 0; i < site->cluster_count; i++)
		if (site->clusters[i].open && cluster_is_wanted(&site->clusters[i]))
			str_addf(&names, "%s%s", names.length ? ", " : "", site->clusters[i].name);
	return names.length == 0
		       ? NULL
		       : xasprintf("not all is recorded of %s; run moyai cluster allocate first",
				   str_text(&names));
}

bool reach_stopped(const struct reach *reach)
{
	return __atomic_load_n(reach->stop, __ATOMIC_ACQUIRE);
}

int reach_hear_manager(const struct options *options, const char *state_dir, struct err *err)
{
	struct takeover takeover;
	struct reach reach = { 0 };
	if (takeover_read(state_dir, &takeover, err) != 0)
		return -1;
	int rc = takeover.node ? reach_site(options, NULL, NULL, &reach) : 0;
	reach_close(&reach);
	takeover_free(&takeover);
	return rc == 0 ? 0 : err_set(err, "the site cannot be used");
}

int reach_tell_manager(const struct options *options, const char *state_dir,
		       const struct text_list *files, struct err *err)
{
	struct takeover takeover;
	struct reach reach = { 0 };
	if (takeover_read(state_dir, &takeover, err) != 0)
		return -1;
	int rc = 0;
	if (takeover.node != NULL) {
		rc = reach_site(options, NULL, NULL, &reach);
		if (rc != 0)
			err_set(err, "the site cannot be used");
		else
			rc = takeover_tell(&takeover, &reach.remote.ssh, state_dir, files,
					   reach.stop, err);
		if (rc != 0)
			err_context(err,
				    "kept here, but %s does not know it; run it again when it "
				    "answers",
				    takeover.node);
		reach_close(&reach);
	}
	takeover_free(&takeover);
	return rc;
}

void reach_close(struct reach *reach)
{
	progress_close(&reach->progress);
	fleet_close(&reach->fleet);
	site_free(&reach->site);
	image_set_free(&reach->images);
	text_list_free(&reach->names);
	text_list_free(&reach->left_alone);
	text_list_free(&reach->may_lose);
	runtime_free(&reach->runtime);
	takeover_free(&reach->takeover);
	free(reach->state_dir);
	free(reach->node_program);
	free(reach->who);
	free(reach->images_url);
	explicit_bzero(&reach->key, sizeof(reach->key));
	*reach = (struct reach){ 0 };
}
