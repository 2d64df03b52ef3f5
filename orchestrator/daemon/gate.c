/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "base/log.h"
#include "daemon/ipxe.h"
#include "daemon/pins.h"
#include "daemon/routes.h"
#include "daemon/server.h"
#include "model/manifest.h"
/*
 * Who gets a token: the rules of "Host keys" in docs/architecture.md. A machine
 * may boot as a node when no key of the node is pinned, when Moyai ordered the
 * boot, or when the pinned key no longer answers where the node was.
 */

/* A script that says what happened; without templates, at least the words. */
static enum MHD_Result stop(struct request *request, const char *mac, const char *message)
{
	struct server *server = request->server;
	AUTO_STR struct str script = STR_INIT;
	struct err err = ERR_INIT;
	if (ipxe_stop_script(server->options.share_dir, mac, message, &script, &err) != 0) {
		log_line("%s: %s", mac, err.text);
		return http_text(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "no template\n");
	}
	return http_text(request, MHD_HTTP_OK, str_text(&script));
}

static enum MHD_Result retry(struct request *request, const char *mac, const char *message)
{
	struct server *server = request->server;
	AUTO_STR struct str script = STR_INIT;
	struct err err = ERR_INIT;
	if (ipxe_retry_script(server->options.share_dir, server->url, mac, message, &script,
			      &err) != 0) {
		log_line("%s: %s", mac, err.text);
		return http_text(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "no template\n");
	}
	return http_text(request, MHD_HTTP_OK, str_text(&script));
}

/* Something on our side is missing: the machine asks again until it is there. */
static enum MHD_Result not_yet(struct request *request, struct boot_node *node,
			       const struct err *err)
{
	log_line("%s: cannot be booted: %s", node->name, err->text);
	boot_advance(&request->server->boot, node, BOOT_FAILED, 0, err->text, server_now_ms());
	return retry(request, node->mac, "this node cannot be booted; see moyai status");
}

static const char *console_of(const struct server *server, const struct boot_node *node,
			      const struct manifest *manifest)
{
	const struct site_node *from = site_find_node(&server->site, node->name);
	return from && from->console ? from->console : manifest->console;
}

/* The script; the token last, so that nothing is issued for a boot that cannot be. */
static int make_script(struct server *server, struct boot_node *node,
		       const struct manifest *manifest, const char *why, struct str *script,
		       struct err *err)
{
	char token[TOKEN_HEX_SIZE];
	int64_t now_ms = server_now_ms();
	if (boot_begin(&server->boot, node, manifest->version, now_ms, err) != 0 ||
	    tokens_issue(&server->tokens, node->name, node->now.id, why, now_ms / 1000, token,
			 err) != 0)
		return -1;
	const struct ipxe_boot boot = {
		.url = server->url,
		.node = node->name,
		.mac = node->mac,
		.token = token,
		.console = console_of(server, node, manifest),
		.manifest = manifest,
	};
	return ipxe_boot_script(server->options.share_dir, &boot, script, err);
}

static enum MHD_Result admit(struct request *request, struct boot_node *node, const char *why)
{
	struct server *server = request->server;
	AUTO_STR struct str script = STR_INIT;
	struct manifest manifest = { 0 };
	struct err err = ERR_INIT;
	int rc = manifest_read(server->options.images_dir, node->role, &manifest, &err);
	if (rc == 0)
		rc = make_script(server, node, &manifest, why, &script, &err);
	if (rc == 0)
		log_line("%s: boots %s %s: %s", node->name, manifest.role, manifest.version, why);
	manifest_free(&manifest);
	return rc == 0 ? http_text(request, MHD_HTTP_OK, str_text(&script))
		       : not_yet(request, node, &err);
}

static enum MHD_Result refuse(struct request *request, struct boot_node *node, const char *why,
			      bool final)
{
	boot_refused(&request->server->boot, node, why, true, server_now_ms());
	return final ? stop(request, node->mac, why) : retry(request, node->mac, why);
}

static enum MHD_Result judge(struct request *request, struct boot_node *node)
{
	AUTO_FREE char *alive = xasprintf(
		"another machine has this MAC: %s is alive and answers at %s with its pinned key",
		node->name, probe_address(request->probe));
	AUTO_FREE char *unclear = xasprintf(
		"something listens for ssh at %s and did not prove its key in time: is %s alive?",
		probe_address(request->probe), node->name);
	switch (probe_result(request->probe)) {
	case PROBE_SILENT:
		return admit(request, node, "the pinned key no longer answers");
	case PROBE_OTHER_KEY:
		return admit(request, node, "another key answers in place of the pinned one");
	case PROBE_SAME_KEY:
		return refuse(request, node, alive, true);
	case PROBE_UNCLEAR:
		break;
	}
	return refuse(request, node, unclear, false);
}

static enum MHD_Result first_look(struct request *request, struct boot_node *node)
{
	struct server *server = request->server;
	AUTO_STR struct str pinned = STR_INIT;
	AUTO_STR struct str where = STR_INIT;
	struct probe *probe;
	struct err err = ERR_INIT;
	if (pins_find(server->options.state_dir, node->name, node->address, &pinned, &where,
		      &err) != 0)
		return not_yet(request, node, &err);
	if (pinned.length == 0)
		return admit(request, node, "no key was pinned");
	if (boot_take_order(&server->boot, node, server_now_ms()))
		return admit(request, node, "the boot was ordered");
	/* Where it was pinned: a living node keeps its address until it boots, whatever the
	   configuration says by now. */
	if (probe_start(str_text(&where), str_text(&pinned), server->interface, server->address,
			server->probe_pipe[1], request, &probe, &err) != 0)
		return not_yet(request, node, &err);
	return http_wait(request, probe);
}

enum MHD_Result route_ipxe(struct request *request)
{
	struct server *server = request->server;
	struct err err = ERR_INIT;
	char mac[18];
	if (ipxe_mac(http_argument(request, "mac"), mac) != 0)
		return http_text(request, MHD_HTTP_BAD_REQUEST, "mac=: a MAC address is needed\n");
	struct boot_node *node = boot_find_mac(&server->boot, mac);
	if (node == NULL) {
		if (boot_unknown(&server->boot, mac, "an iPXE script", server_now_ms(), &err) != 0)
			log_line("%s", err.text);
		return stop(request, mac, "this machine is in no configuration; nothing is booted");
	}
	if (strcmp(request->from, node->address) != 0) {
		AUTO_FREE char *why =
			xasprintf("/ipxe: asked from %s, not from the node's address %s",
				  request->from, node->address);
		AUTO_FREE char *answer = xasprintf("%s\n", why);
		boot_refused(&server->boot, node, why, false, server_now_ms());
		return http_text(request, MHD_HTTP_FORBIDDEN, answer);
	}
	return request->asked ? judge(request, node) : first_look(request, node);
}
