/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/routes.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/utf8.h"
#include "daemon/pins.h"
#include "daemon/server.h"
#include "model/manifest.h"
#include "model/runtime.h"

enum { ERROR_TEXT_MAX_BYTES = 1000 };

/* The node a request's token stands for; NULL after having answered. key: see tokens_check(). */
static struct boot_node *authorize(struct request *request, const char *what, const char *key,
				   enum MHD_Result *answer, const struct token **found)
{
	struct server *server = request->server;
	const char *text = http_argument(request, "token");
	const struct token *token;
	int64_t now_ms = server_now_ms();
	enum token_state state = tokens_check(&server->tokens, text, key, now_ms / 1000, &token);
	struct boot_node *node = token ? boot_find(&server->boot, token->node) : NULL;
	AUTO_FREE char *why = NULL;
	if (text == NULL)
		why = xasprintf("%s: there is no token", what);
	else if (state != TOKEN_GOOD)
		why = xasprintf("%s: the token %s", what, token_state_text(state));
	else if (node == NULL)
		why = xasprintf("%s: the token's node %s left the site", what, token->node);
	else if (strcmp(request->from, node->address) != 0)
		why = xasprintf("%s: the token of %s came from %s, not from %s", what, node->name,
				request->from, node->address);
	if (why == NULL) {
		*found = token;
		return node;
	}
	/* Shown at the node it concerns: the token's, or the one at that address. */
	if (node == NULL)
		node = boot_find_address(&server->boot, request->from);
	AUTO_FREE char *with_source = xasprintf("%s (from %s)", why, request->from);
	AUTO_FREE char *line = xasprintf("%s\n", why);
	if (node)
		boot_refused(&server->boot, node, with_source, false, now_ms);
	else
		log_line("refused: %s", with_source);
	*answer = http_text(request, MHD_HTTP_FORBIDDEN, line);
	return NULL;
}

static enum MHD_Result route_seed(struct request *request)
{
	struct server *server = request->server;
	const struct token *token;
	enum MHD_Result answer;
	AUTO_STR struct str seed = STR_INIT;
	const struct boot_node *node = authorize(request, "/seed", NULL, &answer, &token);
	if (node == NULL)
		return answer;
	str_addf(&seed, "hostname=%s\n", node->name);
	if (server->site.domain)
		str_addf(&seed, "domain=%s\n", server->site.domain);
	const struct site_node *of = site_find_node(&server->site, node->name);
	if (of != NULL && of->root != NULL)
		str_addf(&seed, "root=%s\n", of->root);
	str_addf(&seed, "key=%s\n", server->login_key);
	for (size_t i = 0; i < server->site.authorized_keys.count; i++)
		str_addf(&seed, "key=%s\n", server->site.authorized_keys.items[i]);
	return http_text(request, MHD_HTTP_OK, str_text(&seed));
}

/* A text of the machine's, fit for one line of JSON or of a terminal. */
static char *clean_text(const char *bytes, size_t length)
{
	struct str text = STR_INIT;
	if (length > ERROR_TEXT_MAX_BYTES)
		length = ERROR_TEXT_MAX_BYTES;
	while (length > 0 && strchr(" \r\n\t", bytes[length - 1]))
		length--;
	utf8_add_visible(&text, bytes, length);
	for (size_t i = 0; i < text.length; i++)
		if ((unsigned char)text.data[i] < ' ' || text.data[i] == 127)
			text.data[i] = '?';
	return str_take(&text);
}

static int percent_parse(const char *text, unsigned *percent)
{
	char *end;
	if (text == NULL)
		return 0;
	unsigned long value = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || value > 100)
		return -1;
	*percent = (unsigned)value;
	return 0;
}

static enum MHD_Result route_report(struct request *request)
{
	struct server *server = request->server;
	const struct token *token;
	enum MHD_Result answer;
	unsigned percent = 0;
	struct boot_node *node = authorize(request, "/report", NULL, &answer, &token);
	if (node == NULL)
		return answer;
	enum boot_stage stage = boot_stage_parse(http_argument(request, "stage"));
	/* The other stages are seen by ourselves, and not told. */
	if (stage != BOOT_INITRAMFS && stage != BOOT_IMAGE && stage != BOOT_VERIFIED &&
	    stage != BOOT_USERSPACE && stage != BOOT_FAILED)
		return http_text(request, MHD_HTTP_BAD_REQUEST,
				 "stage=: initramfs, image, verified, userspace or failed\n");
	if (percent_parse(http_argument(request, "percent"), &percent) != 0)
		return http_text(request, MHD_HTTP_BAD_REQUEST, "percent=: 0 to 100\n");
	AUTO_FREE char *error = NULL;
	if (stage == BOOT_FAILED) {
		const char *given = http_argument(request, "error");
		/* A shell cannot encode a URL: the text may also be the body. */
		error = given ? clean_text(given, strlen(given))
			      : clean_text(str_text(&request->body), request->body.length);
		if (error[0] == '\0') {
			free(error);
			error = xstrdup("the machine gave no reason");
		}
		log_line("%s: failed: %s", node->name, error);
	}
	boot_advance(&server->boot, node, stage, percent, error, server_now_ms());
	return http_text(request, MHD_HTTP_OK, "ok\n");
}

static enum MHD_Result route_hostkey(struct request *request)
{
	struct server *server = request->server;
	const struct token *token;
	enum MHD_Result answer;
	bool changed;
	struct err err = ERR_INIT;
	AUTO_STR struct str key = STR_INIT;
	/* Who may not pin a key is told only that. */
	bool valid = pin_parse(str_text(&request->body), request->body.length, &key, &err) == 0;
	struct boot_node *node =
		authorize(request, "/hostkey", valid ? str_text(&key) : NULL, &answer, &token);
	if (node == NULL)
		return answer;
	if (!valid) {
		AUTO_FREE char *why = xasprintf("/hostkey: %s", err.text);
		AUTO_FREE char *line = xasprintf("%s\n", why);
		boot_refused(&server->boot, node, why, false, server_now_ms());
		return http_text(request, MHD_HTTP_BAD_REQUEST, line);
	}
	AUTO_FREE char *why = xstrdup(token->why);
	int64_t now_ms = server_now_ms();
	/* The token first: after a crash in between only this key can still be pinned with it. */
	if (tokens_use(&server->tokens, http_argument(request, "token"), str_text(&key), &err) !=
		    0 ||
	    pins_set(server->options.state_dir, node->name, node->address, str_text(&key), why,
		     now_ms / 1000, &changed, &err) != 0) {
		boot_advance(&server->boot, node, BOOT_FAILED, 0, err.text, now_ms);
		log_line("%s: no key is pinned: %s", node->name, err.text);
		return http_text(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "no key is pinned\n");
	}
	AUTO_STR struct str print = STR_INIT;
	(void)pin_fingerprint(str_text(&key), &print, NULL);
	log_line("%s: host key %s %s: %s", node->name, str_text(&print),
		 changed ? "pinned" : "was pinned before", why);
	boot_advance(&server->boot, node, BOOT_READY, 0, NULL, now_ms);
	return http_text(request, MHD_HTTP_OK, "pinned\n");
}

/* A file on its way to a node that boots. */
struct download {
	struct server *server;
	struct boot_node *node;
	char boot[BOOT_ID_SIZE];
	struct manifest manifest;
	int layer;
};

static void download_served(void *context, uint64_t done_bytes)
{
	struct download *download = context;
	/* A connection may outlive the boot it belongs to. */
	if (strcmp(download->boot, download->node->now.id) == 0)
		boot_served(&download->server->boot, download->node, &download->manifest,
			    download->layer, done_bytes, server_now_ms());
}

static void download_free(void *context)
{
	struct download *download = context;
	if (download == NULL)
		return;
	manifest_free(&download->manifest);
	free(download);
}

/* NULL when nobody's progress is drawn by it. */
static struct download *download_new(struct request *request, const char *path)
{
	struct server *server = request->server;
	struct boot_node *node = boot_find_address(&server->boot, request->from);
	if (node == NULL || node->now.stage < BOOT_IPXE || node->now.stage >= BOOT_READY)
		return NULL;
	struct download *download = xcalloc(1, sizeof(*download));
	download->server = server;
	download->node = node;
	memcpy(download->boot, node->now.id, BOOT_ID_SIZE);
	if (manifest_read(server->options.images_dir, node->folder, &download->manifest, NULL) !=
		    0 ||
	    manifest_file(&download->manifest, path, &download->layer) == NULL) {
		download_free(download);
		return NULL;
	}
	if (download->layer < 0)
		boot_advance(&server->boot, node, BOOT_KERNEL, 0, NULL, server_now_ms());
	return download;
}

static enum MHD_Result route_image(struct request *request, const char *path)
{
	struct server *server = request->server;
	struct err err = ERR_INIT;
	uint64_t size_bytes;
	if (!manifest_any(server->options.images_dir, path, &size_bytes))
		return http_text(request, MHD_HTTP_NOT_FOUND, "no manifest names this file\n");
	AUTO_FREE char *full = xasprintf("%s/%s", server->options.images_dir, path);
	struct download *download = download_new(request, path);
	const struct http_file file = {
		.path = full,
		.size_bytes = size_bytes,
		.served = download ? download_served : NULL,
		.done = download ? download_free : NULL,
		.context = download,
	};
	if (http_send_file(request, &file, &err) == MHD_YES)
		return MHD_YES;
	download_free(download);
	log_line("%s: %s", request->from, err.text);
	struct boot_node *node = boot_find_address(&server->boot, request->from);
	if (node && node->now.stage < BOOT_READY)
		boot_advance(&server->boot, node, BOOT_FAILED, 0, err.text, server_now_ms());
	return http_text(request, MHD_HTTP_INTERNAL_SERVER_ERROR,
			 "the file is not as its manifest says\n");
}

/* What cannot be read, the apply will say. */
static bool in_maintenance(const struct server *server, const char *name)
{
	struct runtime runtime;
	if (runtime_read(server->options.state_dir, &runtime, NULL) != 0)
		return false;
	bool is = runtime_maintenance(&runtime, name) != NULL;
	runtime_free(&runtime);
	return is;
}

/*
 * A node that has booted asks whether its wanted state is applied, and by that for it
 * to be: without a token, for what it sets going is what a person has applied before.
 */
static enum MHD_Result route_wanted(struct request *request)
{
	struct server *server = request->server;
	const struct boot_node *node = boot_find_address(&server->boot, request->from);
	if (node == NULL)
		return http_text(request, MHD_HTTP_FORBIDDEN,
				 "/wanted: this address is no node's\n");
	if (server->options.apply == NULL)
		return http_text(request, MHD_HTTP_OK, "nobody\n");
	/* It is told so, and asks on: when that is over, it is applied without a person. */
	if (in_maintenance(server, node->name))
		return http_text(request, MHD_HTTP_OK, "maintenance\n");
	/* What it asks for once more is another question, as that of another boot is. */
	const char *again = http_argument(request, "again");
	enum queue_state state = queue_ask(&server->queue, node->name, node->now.id,
					   again ? again : "", server_clock_ms());
	AUTO_FREE char *line = xasprintf("%s\n", queue_state_text(state));
	return http_text(request, MHD_HTTP_OK, line);
}

static enum MHD_Result wrong_method(struct request *request)
{
	return http_text(request, MHD_HTTP_METHOD_NOT_ALLOWED, "not with this method\n");
}

enum MHD_Result route(struct request *request, const char *method, const char *path)
{
	static const char image[] = "/image/";
	bool get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
	bool post = strcmp(method, "POST") == 0;
	if (text_starts(path, image))
		return get ? route_image(request, path + strlen(image)) : wrong_method(request);
	/* It issues a token: not for a look at the headers. */
	if (strcmp(path, "/ipxe") == 0)
		return strcmp(method, "GET") == 0 ? route_ipxe(request) : wrong_method(request);
	if (strcmp(path, "/seed") == 0)
		return get ? route_seed(request) : wrong_method(request);
	if (strcmp(path, "/report") == 0)
		return post ? route_report(request) : wrong_method(request);
	if (strcmp(path, "/wanted") == 0)
		return post ? route_wanted(request) : wrong_method(request);
	if (strcmp(path, "/hostkey") == 0)
		return post ? route_hostkey(request) : wrong_method(request);
	return http_text(request, MHD_HTTP_NOT_FOUND, "there is nothing here\n");
}
