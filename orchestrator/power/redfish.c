/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/run.h"
#include "power/power.h"
/*
 * Redfish by curl, which gets everything but its name on stdin. After DMTF DSP0266
 * (the protocol) and the schema ComputerSystem 1.x of DSP8010: PowerState,
 * Actions/#ComputerSystem.Reset, Boot. What a service offers is read from it,
 * never guessed from its maker.
 */
enum { HTTP_TEXT_MAX = 200, EXIT_CONNECT = 7, EXIT_TIMEOUT = 28, EXIT_CERT = 60, EXIT_PIN = 90 };

/* In curl's configuration: between quotes, with \ before \ and ". */
static void add_setting(struct str *config, const char *name, const char *value)
{
	str_addf(config, "%s = \"", name);
	for (const char *at = value; *at; at++)
		str_addf(config, *at == '"' || *at == '\\' ? "\\%c" : "%c", *at);
	str_add(config, "\"\n");
}

struct request {
	const char *method;
	const char *path; /* "/redfish/v1/…" */
	const char *etag; /* of what is changed; NULL: none */
	json_t *body;	  /* NULL: none; stays the caller's */
};

static void make_config(const struct bmc *bmc, const struct request *request, struct str *config)
{
	const struct site_bmc *about = &bmc->node->bmc;
	unsigned timeout_ms = bmc->timeout_ms ? bmc->timeout_ms : POWER_TIMEOUT_MS;
	AUTO_FREE char *url =
		xasprintf("https://%s:%u%s", about->address, power_port(about), request->path);
	AUTO_FREE char *login = xasprintf("%s:%s", about->user, bmc->password);
	add_setting(config, "url", url);
	add_setting(config, "user", login);
	add_setting(config, "request", request->method);
	add_setting(config, "proto", "=https");
	add_setting(config, "noproxy", "*");
	add_setting(config, "header", "Accept: application/json");
	add_setting(config, "header", "OData-Version: 4.0");
	if (about->pin != NULL) {
		/* The key is what is trusted: neither names nor CAs say more about a board. */
		add_setting(config, "pinnedpubkey", about->pin);
		str_add(config, "insecure\n");
	}
	if (request->etag != NULL) {
		AUTO_FREE char *match = xasprintf("If-Match: %s", request->etag);
		add_setting(config, "header", match);
	}
	if (request->body != NULL) {
		AUTO_FREE char *body = json_dumps(request->body, JSON_COMPACT);
		add_setting(config, "header", "Content-Type: application/json");
		add_setting(config, "data-raw", body ? body : "{}");
	}
	str_addf(config, "silent\nshow-error\nmax-time = %u\n", (timeout_ms + 999) / 1000);
	/* curl reads the \n in quotes as a new line: the status is the last line. */
	str_add(config, "write-out = \"\\n%{http_code}\"\n");
	explicit_bzero(login, strlen(login));
}

static int curl_failed(const struct bmc *bmc, const struct run_result *result, struct err *err)
{
	const struct site_bmc *about = &bmc->node->bmc;
	unsigned port = power_port(about);
	switch (result->exit_code) {
	case EXIT_CONNECT:
	case EXIT_TIMEOUT:
		return err_set(err, "the BMC at %s gives no answer to Redfish (TCP port %u)",
			       about->address, port);
	case EXIT_CERT:
		return err_set(err,
			       "the certificate of the BMC at %s is of its own making; look at it, "
			       "and write its key's hash as pin",
			       about->address);
	case EXIT_PIN:
		return err_set(err,
			       "the BMC at %s has another key than its pin: another machine, or a "
			       "new certificate",
			       about->address);
	default:
		return err_set(err, "curl: %.*s (exit code %d)",
			       (int)strcspn(str_text(&result->err), "\r\n"), str_text(&result->err),
			       result->exit_code);
	}
}

/* error/message, or the first of @Message.ExtendedInfo, which says more (DSP0266, 8.6). */
static const char *error_text(const json_t *answer)
{
	const json_t *error = json_object_get(answer, "error");
	const json_t *more = json_array_get(json_object_get(error, "@Message.ExtendedInfo"), 0);
	const char *text = json_string_value(json_object_get(more, "Message"));
	return text ? text : json_string_value(json_object_get(error, "message"));
}

static int http_failed(const struct bmc *bmc, const struct request *request, long status,
		       const json_t *answer, struct err *err)
{
	const struct site_bmc *about = &bmc->node->bmc;
	const char *text = error_text(answer);
	if (status == 401)
		return err_set(err,
			       "the BMC at %s refuses user \"%s\" with this password; set it with "
			       "moyai bmc password %s",
			       about->address, about->user, bmc->node->name);
	if (status == 403)
		return err_set(err, "the BMC at %s does not let user \"%s\" do this",
			       about->address, about->user);
	return err_set(err, "the BMC at %s answers %ld to %s %s%s%.*s", about->address, status,
		       request->method, request->path, text ? ": " : "", HTTP_TEXT_MAX,
		       text ? text : "");
}

/* One exchange. *answer: what came, if it was JSON; else NULL. The caller decrefs. */
static int ask(const struct bmc *bmc, const struct request *request, json_t **answer,
	       struct err *err)
{
	AUTO_STR struct str config = STR_INIT;
	struct run_result result;
	make_config(bmc, request, &config);
	struct run run = {
		/* -q: not what the user's ~/.curlrc says. */
		.argv = RUN_ARGV("curl", "-q", "--config", "-"),
		.input = str_text(&config),
		.input_length = config.length,
		.timeout_ms = (bmc->timeout_ms ? bmc->timeout_ms : POWER_TIMEOUT_MS) + 5000,
		.reads_only = strcmp(request->method, "GET") == 0,
	};
	int rc = run_capture(&run, &result, err);
	explicit_bzero(config.data, config.length);
	if (rc != 0)
		return -1;
	if (result.exit_code != 0) {
		rc = curl_failed(bmc, &result, err);
		run_result_free(&result);
		return rc;
	}
	const char *text = str_text(&result.out);
	const char *last = strrchr(text, '\n');
	long status = last ? strtol(last + 1, NULL, 10) : 0;
	json_t *json = last ? json_loadb(text, (size_t)(last - text), 0, NULL) : NULL;
	run_result_free(&result);
	if (status < 200 || status > 299) {
		http_failed(bmc, request, status, json, err);
		json_decref(json);
		return -1;
	}
	*answer = json;
	return 0;
}

static int get(const struct bmc *bmc, const char *path, json_t **answer, struct err *err)
{
	const struct request request = { .method = "GET", .path = path };
	if (ask(bmc, &request, answer, err) != 0)
		return -1;
	if (json_is_object(*answer))
		return 0;
	json_decref(*answer);
	return err_set(err, "the BMC at %s answers no JSON to GET %s", bmc->node->bmc.address,
		       path);
}

/* A link is a path on the same service; it becomes a part of our URL. */
static const char *link_of(const json_t *object)
{
	const char *path = json_string_value(json_object_get(object, "@odata.id"));
	return path && text_starts(path, "/redfish/") && strpbrk(path, " \r\n\t") == NULL ? path
											  : NULL;
}

/* The collection's members are links; their last part is mostly the Id, but need not be. */
static int find_system(const struct bmc *bmc, const json_t *members, json_t **system,
		       struct err *err)
{
	const char *wanted = bmc->node->bmc.system;
	AUTO_STR struct str known = STR_INIT;
	size_t count = json_array_size(members);
	for (size_t i = 0; i < count; i++) {
		json_t *found;
		const char *path = link_of(json_array_get(members, i));
		if (path == NULL)
			continue;
		if (get(bmc, path, &found, err) != 0)
			return -1;
		const char *id = json_string_value(json_object_get(found, "Id"));
		if (wanted ? text_equal(id, wanted) : count == 1) {
			*system = found;
			return 0;
		}
		str_addf(&known, "%s%s", known.length ? ", " : "", id ? id : path);
		json_decref(found);
	}
	if (wanted == NULL && count > 1)
		return err_set(err, "the BMC at %s has %zu systems: %s; write which as system",
			       bmc->node->bmc.address, count, str_text(&known));
	return err_set(err, "the BMC at %s has no system \"%s\"%s%s", bmc->node->bmc.address,
		       wanted ? wanted : "", known.length ? "; it has " : "", str_text(&known));
}

static int get_system(const struct bmc *bmc, json_t **system, struct err *err)
{
	json_t *collection;
	if (get(bmc, "/redfish/v1/Systems", &collection, err) != 0)
		return -1;
	int rc = find_system(bmc, json_object_get(collection, "Members"), system, err);
	json_decref(collection);
	return rc;
}

static int state(const struct bmc *bmc, enum power_state *state, struct err *err)
{
	json_t *system;
	if (get_system(bmc, &system, err) != 0)
		return -1;
	const char *text = json_string_value(json_object_get(system, "PowerState"));
	int rc = 0;
	/* On its way is where it comes from: who waits for the other end asks again. */
	if (text_equal(text, "On") || text_equal(text, "PoweringOff") || text_equal(text, "Paused"))
		*state = POWER_ON;
	else if (text_equal(text, "Off") || text_equal(text, "PoweringOn"))
		*state = POWER_OFF;
	else
		rc = err_set(err, "the BMC at %s says PowerState \"%.40s\"", bmc->node->bmc.address,
			     text ? text : "");
	json_decref(system);
	return rc;
}

/* Several ways to the same end, the best first; the service says which it has. */
static const char *choose_reset(const json_t *reset, enum power_action action)
{
	static const char *const WAYS[][3] = {
		[POWER_SWITCH_ON] = { "On", "ForceOn" },
		[POWER_SWITCH_OFF] = { "ForceOff" },
		[POWER_CYCLE] = { "PowerCycle", "ForceRestart" },
	};
	const json_t *allowed = json_object_get(reset, "ResetType@Redfish.AllowableValues");
	if (allowed == NULL)
		return action == POWER_CYCLE ? "ForceRestart" : WAYS[action][0];
	for (const char *const *way = WAYS[action]; *way; way++)
		for (size_t i = 0; i < json_array_size(allowed); i++)
			if (text_equal(json_string_value(json_array_get(allowed, i)), *way))
				return *way;
	return NULL;
}

static int reset(const struct bmc *bmc, const json_t *system, enum power_action action,
		 struct err *err)
{
	const json_t *about =
		json_object_get(json_object_get(system, "Actions"), "#ComputerSystem.Reset");
	const char *target = json_string_value(json_object_get(about, "target"));
	const char *way = choose_reset(about, action);
	if (target == NULL || !text_starts(target, "/redfish/") || strpbrk(target, " \r\n\t"))
		return err_set(err, "the BMC at %s offers no ComputerSystem.Reset",
			       bmc->node->bmc.address);
	if (way == NULL)
		return err_set(err, "the BMC at %s offers no ResetType for this",
			       bmc->node->bmc.address);
	json_t *answer = NULL;
	json_t *body = json_pack("{s:s}", "ResetType", way);
	const struct request request = { .method = "POST", .path = target, .body = body };
	int rc = ask(bmc, &request, &answer, err);
	json_decref(body);
	json_decref(answer);
	return rc;
}

static int act(const struct bmc *bmc, enum power_action action, struct err *err)
{
	json_t *system;
	if (get_system(bmc, &system, err) != 0)
		return -1;
	int rc = reset(bmc, system, action, err);
	json_decref(system);
	return rc;
}

static int network_boot(const struct bmc *bmc, struct err *err)
{
	json_t *system;
	if (get_system(bmc, &system, err) != 0)
		return -1;
	json_t *answer = NULL;
	json_t *body = json_pack("{s:{s:s, s:s}}", "Boot", "BootSourceOverrideEnabled", "Once",
				 "BootSourceOverrideTarget", "Pxe");
	const struct request request = {
		.method = "PATCH",
		.path = link_of(system),
		.etag = json_string_value(json_object_get(system, "@odata.etag")),
		.body = body,
	};
	int rc = request.path == NULL ? err_set(err, "the BMC at %s names no path of its system",
						bmc->node->bmc.address)
				      : ask(bmc, &request, &answer, err);
	json_decref(answer);
	json_decref(body);
	json_decref(system);
	return rc;
}

const struct power_driver POWER_REDFISH = {
	.type = "redfish",
	.state = state,
	.act = act,
	.network_boot = network_boot,
};
