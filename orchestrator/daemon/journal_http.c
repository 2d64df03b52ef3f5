/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/journal_http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/x509.h>
#include <microhttpd.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

enum {
	CONNECTIONS_MAX = 8192,
	CONNECTIONS_PER_ADDRESS = 8,
	NAME_MAX_BYTES = 64,
	/* Who says nothing for so long goes, until it has shown its certificate. A node's connection stays,
	   for the last lines must not wait for a new one; one that is gone is noticed by TCP. */
	STRANGER_TIMEOUT_S = 20,
	KEEPALIVE_IDLE_S = 60,
	KEEPALIVE_EVERY_S = 20,
	KEEPALIVE_TRIES = 3,
};
#define CONTENT_TYPE "application/vnd.fdo.journal"

struct journal_http {
	struct journal_http_options options;
	char *chain; /* the certificate, and what it is signed by */
	struct MHD_Daemon *daemon;
	int epoll;
};

struct upload {
	struct journal_http *http;
	char node[NAME_MAX_BYTES]; /* "": answered already */
	struct journal_export stream;
	struct err failed; /* what is wrong with the stream; "": nothing */
};

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *text)
{
	AUTO_FREE char *line = xasprintf("%s\n", text);
	struct MHD_Response *response =
		MHD_create_response_from_buffer(strlen(line), line, MHD_RESPMEM_MUST_COPY);
	if (response == NULL)
		return MHD_NO;
	enum MHD_Result result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

/* ---- who it is ---- */

static bool common_name(const gnutls_datum_t *der, char name[NAME_MAX_BYTES])
{
	gnutls_x509_crt_t crt;
	size_t size = NAME_MAX_BYTES;
	if (gnutls_x509_crt_init(&crt) != 0)
		return false;
	bool read = gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER) == 0 &&
		    gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name,
						  &size) == 0;
	gnutls_x509_crt_deinit(crt);
	return read && strlen(name) == size;
}

/* NULL, or why not; `name` is the node's that the certificate is for. */
static const char *who(struct MHD_Connection *connection, char name[NAME_MAX_BYTES])
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	gnutls_session_t session = info ? info->tls_session : NULL;
	unsigned status = 0;
	unsigned count = 0;
	const gnutls_datum_t *chain =
		session ? gnutls_certificate_get_peers(session, &count) : NULL;
	if (chain == NULL || count == 0)
		return "without a certificate nothing is taken";
	if (gnutls_certificate_verify_peers2(session, &status) != 0 || status != 0)
		return "the certificate is not one of this site";
	return common_name(&chain[0], name) ? NULL : "the certificate has no name";
}

/* ---- what it sends ---- */

static int take(void *context, const struct journal_entry *entry, struct err *err)
{
	struct upload *upload = context;
	const struct journal_http_options *options = &upload->http->options;
	return options->entry(options->context, upload->node, entry, err);
}

static const char *address_of(struct MHD_Connection *connection, char text[INET_ADDRSTRLEN])
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr_in *from = info ? (const void *)info->client_addr : NULL;
	if (from == NULL || from->sin_family != AF_INET ||
	    inet_ntop(AF_INET, &from->sin_addr, text, INET_ADDRSTRLEN) == NULL)
		return "somebody";
	return text;
}

/* The head of a request: who sends, and whether it is taken. */
static enum MHD_Result begin(struct journal_http *http, struct MHD_Connection *connection,
			     const char *url, const char *method, void **state)
{
	struct upload *upload = xcalloc(1, sizeof(*upload));
	char from[INET_ADDRSTRLEN];
	char name[NAME_MAX_BYTES] = "";
	*upload = (struct upload){ .http = http };
	*state = upload;
	const char *type = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Type");
	const char *why = who(connection, name);
	if (why == NULL && !http->options.known(http->options.context, name))
		why = "this is no node of the site";
	if (why != NULL) {
		log_line("%s%s%s: refused: %s", address_of(connection, from), name[0] ? ", " : "",
			 name, why);
		return answer(connection, MHD_HTTP_FORBIDDEN, why);
	}
	if (strcmp(method, "POST") != 0)
		return answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "not with this method");
	if (strcmp(url, "/upload") != 0)
		return answer(connection, MHD_HTTP_NOT_FOUND, "there is only /upload");
	if (!text_equal(type, CONTENT_TYPE))
		return answer(connection, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
			      "Content-Type has to be " CONTENT_TYPE);
	memcpy(upload->node, name, sizeof(name));
	MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, 0U);
	return MHD_YES;
}

static enum MHD_Result end(struct upload *upload, struct MHD_Connection *connection)
{
	if (upload->failed.text[0] == '\0')
		journal_export_end(&upload->stream, &upload->failed);
	if (upload->stream.left_out > 0)
		log_line("%s: %llu entries are larger than %d bytes and are left out", upload->node,
			 (unsigned long long)upload->stream.left_out, JOURNAL_ENTRY_MAX_BYTES);
	if (upload->failed.text[0] == '\0')
		return answer(connection, MHD_HTTP_ACCEPTED, "OK.");
	log_line("%s: %s", upload->node, upload->failed.text);
	return answer(connection, MHD_HTTP_BAD_REQUEST, upload->failed.text);
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *bytes,
			      size_t *length, void **state)
{
	struct upload *upload = *state;
	(void)version;
	if (upload == NULL)
		return begin(context, connection, url, method, state);
	if (*length == 0)
		return end(upload, connection);
	/* After a mistake the rest is read over, so that the answer is heard. */
	if (upload->failed.text[0] == '\0')
		journal_export_add(&upload->stream, bytes, *length, take, upload, &upload->failed);
	*length = 0;
	return MHD_YES;
}

static void completed(void *context, struct MHD_Connection *connection, void **state,
		      enum MHD_RequestTerminationCode why)
{
	struct upload *upload = *state;
	(void)context;
	(void)connection;
	(void)why;
	if (upload == NULL)
		return;
	journal_export_free(&upload->stream);
	free(upload);
	*state = NULL;
}

/* ---- the service ---- */

static void log_message(void *context, const char *fmt, va_list args)
{
	AUTO_STR struct str text = STR_INIT;
	(void)context;
	str_addv(&text, fmt, args);
	while (text.length > 0 && text.data[text.length - 1] == '\n')
		text.data[--text.length] = '\0';
	log_line("https: %s", str_text(&text));
}

/* Connections have what the socket has that they came by. */
static void keep_alive(struct MHD_Daemon *daemon)
{
	static const int ON = 1;
	static const int IDLE_S = KEEPALIVE_IDLE_S;
	static const int EVERY_S = KEEPALIVE_EVERY_S;
	static const int TRIES = KEEPALIVE_TRIES;
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_LISTEN_FD);
	if (info == NULL)
		return;
	setsockopt(info->listen_fd, SOL_SOCKET, SO_KEEPALIVE, &ON, sizeof(ON));
	setsockopt(info->listen_fd, IPPROTO_TCP, TCP_KEEPIDLE, &IDLE_S, sizeof(IDLE_S));
	setsockopt(info->listen_fd, IPPROTO_TCP, TCP_KEEPINTVL, &EVERY_S, sizeof(EVERY_S));
	setsockopt(info->listen_fd, IPPROTO_TCP, TCP_KEEPCNT, &TRIES, sizeof(TRIES));
}

int journal_http_start(const struct journal_http_options *options, struct journal_http **http,
		       struct err *err)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(options->port) };
	if (inet_pton(AF_INET, options->address, &at.sin_addr) != 1)
		return err_set(err, "%s: not an address", options->address);
	struct journal_http *made = xcalloc(1, sizeof(*made));
	made->options = *options;
	made->chain = xasprintf("%s%s", options->certificate->certificate,
				options->certificate->authority);
	made->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_TLS | MHD_USE_ERROR_LOG, options->port, NULL, NULL, handle,
		made, MHD_OPTION_EXTERNAL_LOGGER, log_message, NULL, MHD_OPTION_SOCK_ADDR, &at,
		MHD_OPTION_HTTPS_MEM_KEY, options->certificate->key, MHD_OPTION_HTTPS_MEM_CERT,
		made->chain, MHD_OPTION_HTTPS_PRIORITIES, "NORMAL:-VERS-ALL:+VERS-TLS1.3",
		MHD_OPTION_HTTPS_MEM_TRUST, options->certificate->authority,
		MHD_OPTION_NOTIFY_COMPLETED, completed, NULL, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)STRANGER_TIMEOUT_S, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)CONNECTIONS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		(unsigned)CONNECTIONS_PER_ADDRESS, MHD_OPTION_END);
	const union MHD_DaemonInfo *info =
		made->daemon ? MHD_get_daemon_info(made->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (info == NULL) {
		int why = errno;
		journal_http_stop(made);
		return err_set_errno(err, why, "HTTPS on %s port %u", options->address,
				     options->port);
	}
	made->epoll = info->epoll_fd;
	keep_alive(made->daemon);
	*http = made;
	return 0;
}

void journal_http_stop(struct journal_http *http)
{
	if (http == NULL)
		return;
	if (http->daemon)
		MHD_stop_daemon(http->daemon);
	free(http->chain);
	free(http);
}

int journal_http_fd(const struct journal_http *http)
{
	return http->epoll;
}

int journal_http_timeout_ms(const struct journal_http *http)
{
	MHD_UNSIGNED_LONG_LONG timeout_ms;
	if (MHD_get_timeout(http->daemon, &timeout_ms) != MHD_YES)
		return -1;
	return timeout_ms > 1000 ? 1000 : (int)timeout_ms;
}

void journal_http_work(struct journal_http *http)
{
	MHD_run(http->daemon);
}
