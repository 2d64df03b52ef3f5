/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <gnutls/gnutls.h>
#include <jansson.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/*
 * redfish_server CERT KEY PORT: the part of a Redfish service (DMTF DSP0266,
 * ComputerSystem of DSP8010) that power needs, over HTTPS, with state. It stands in
 * for a board: Debian 12 has no Redfish service that runs without one. It is as
 * strict as a board may be: HTTP Basic, the ETag that it gave, the values that it
 * offers. Each change is a line on stdout.
 */
static const char USER[] = "admin";
static const char PASSWORD[] = "red\"f\\ish pass";
static const char ETAG[] = "W/\"7\"";

static int is_on;

/* What a handler has read of a request's body. */
struct body {
	char text[1024];
	size_t length;
};

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : strdup("");
	struct MHD_Response *response =
		MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	MHD_add_response_header(response, "Content-Type", "application/json");
	MHD_add_response_header(response, "OData-Version", "4.0");
	enum MHD_Result result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	json_decref(json);
	return result;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status,
			      const char *message)
{
	return answer(connection, status,
		      json_pack("{s:{s:s, s:s, s:[{s:s}]}}", "error", "code",
				"Base.1.8.GeneralError", "message",
				"A general error has occurred. See ExtendedInfo.",
				"@Message.ExtendedInfo", "Message", message));
}

static json_t *system_json(void)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:{s:s, s:s}, s:{s:{s:s, s:[s,s,s,s]}}}",
			 "@odata.id", "/redfish/v1/Systems/437XR1138R2", "@odata.etag", ETAG, "Id",
			 "437XR1138R2", "SystemType", "Physical", "PowerState",
			 is_on ? "On" : "Off", "Boot", "BootSourceOverrideEnabled", "Disabled",
			 "BootSourceOverrideTarget", "None", "Actions", "#ComputerSystem.Reset",
			 "target", "/redfish/v1/Systems/437XR1138R2/Actions/ComputerSystem.Reset",
			 "ResetType@Redfish.AllowableValues", "On", "ForceOff", "GracefulShutdown",
			 "ForceRestart");
}

static enum MHD_Result reset(struct MHD_Connection *connection, const json_t *body)
{
	const char *type = json_string_value(json_object_get(body, "ResetType"));
	if (type == NULL || (strcmp(type, "On") != 0 && strcmp(type, "ForceOff") != 0 &&
			     strcmp(type, "ForceRestart") != 0))
		return refuse(connection, 400, "The value for ResetType is not in the list.");
	is_on = strcmp(type, "ForceOff") != 0;
	printf("reset %s\n", type);
	return answer(connection, 204, NULL);
}

static enum MHD_Result patch(struct MHD_Connection *connection, const json_t *body)
{
	const char *match = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "If-Match");
	const json_t *boot = json_object_get(body, "Boot");
	const char *enabled = json_string_value(json_object_get(boot, "BootSourceOverrideEnabled"));
	const char *target = json_string_value(json_object_get(boot, "BootSourceOverrideTarget"));
	if (match == NULL || strcmp(match, ETAG) != 0)
		return refuse(connection, 412, "The ETag supplied did not match.");
	if (enabled == NULL || target == NULL)
		return refuse(connection, 400, "The property Boot is malformed.");
	printf("boot %s %s\n", enabled, target);
	return answer(connection, 200, system_json());
}

static enum MHD_Result route(struct MHD_Connection *connection, const char *url, const char *method,
			     const json_t *body)
{
	if (strcmp(url, "/redfish/v1/Systems") == 0 && strcmp(method, "GET") == 0)
		return answer(connection, 200,
			      json_pack("{s:s, s:i, s:[{s:s}]}", "@odata.id", "/redfish/v1/Systems",
					"Members@odata.count", 1, "Members", "@odata.id",
					"/redfish/v1/Systems/437XR1138R2"));
	if (strcmp(url, "/redfish/v1/Systems/437XR1138R2") == 0) {
		if (strcmp(method, "GET") == 0)
			return answer(connection, 200, system_json());
		if (strcmp(method, "PATCH") == 0)
			return patch(connection, body);
	}
	if (strcmp(url, "/redfish/v1/Systems/437XR1138R2/Actions/ComputerSystem.Reset") == 0 &&
	    strcmp(method, "POST") == 0)
		return reset(connection, body);
	return refuse(connection, 404, "There is no such resource.");
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **state)
{
	(void)context;
	(void)version;
	struct body *body = *state;
	if (body == NULL) {
		*state = calloc(1, sizeof(*body));
		return *state ? MHD_YES : MHD_NO;
	}
	if (*upload_size > 0) {
		if (body->length + *upload_size > sizeof(body->text))
			return MHD_NO;
		memcpy(body->text + body->length, upload, *upload_size);
		body->length += *upload_size;
		*upload_size = 0;
		return MHD_YES;
	}
	char *password = NULL;
	char *user = MHD_basic_auth_get_username_password(connection, &password);
	int known = user && password && strcmp(user, USER) == 0 && strcmp(password, PASSWORD) == 0;
	MHD_free(user);
	MHD_free(password);
	if (!known)
		return refuse(connection, 401,
			      "While accessing the resource, the user is unknown.");
	json_t *json = json_loadb(body->text, body->length, 0, NULL);
	enum MHD_Result result = route(connection, url, method, json);
	json_decref(json);
	return result;
}

static void ended(void *context, struct MHD_Connection *connection, void **state,
		  enum MHD_RequestTerminationCode code)
{
	(void)context;
	(void)connection;
	(void)code;
	free(*state);
}

static char *read_all(const char *path)
{
	static char text[2][8192];
	static int used;
	FILE *file = fopen(path, "re");
	char *to = text[used++ % 2];
	if (file == NULL)
		return NULL;
	to[fread(to, 1, sizeof(text[0]) - 1, file)] = '\0';
	fclose(file);
	return to;
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	struct MHD_Daemon *daemon = MHD_start_daemon(
		MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_TLS, (uint16_t)atoi(argv[3]), NULL, NULL,
		handle, NULL, MHD_OPTION_HTTPS_MEM_CERT, read_all(argv[1]),
		MHD_OPTION_HTTPS_MEM_KEY, read_all(argv[2]), MHD_OPTION_NOTIFY_COMPLETED, ended,
		NULL, MHD_OPTION_END);
	if (daemon == NULL)
		return 1;
	puts("ready");
	pause();
	return 0;
}
