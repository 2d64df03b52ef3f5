/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/routes.h"
#include "daemon/server.h"

enum {
	FILE_BLOCK_BYTES = 128 * 1024,
	/* A body that does not end is not read for ever only to answer politely. */
	BODY_GIVE_UP_BYTES = 1024 * 1024,
};

struct http {
	struct MHD_Daemon *daemon;
	int epoll;
	struct request *waiting;
};

static void log_message(void *context, const char *fmt, va_list args)
{
	AUTO_STR struct str text = STR_INIT;
	(void)context;
	str_addv(&text, fmt, args);
	while (text.length > 0 && text.data[text.length - 1] == '\n')
		text.data[--text.length] = '\0';
	log_line("http: %s", str_text(&text));
}

/* "%00" would end the text early, and what stands behind it would go unseen. As
   "%01" it is a character that nothing of ours holds. */
static size_t unescape(void *context, struct MHD_Connection *connection, char *text)
{
	(void)context;
	(void)connection;
	for (char *at = text; (at = strstr(at, "%00")) != NULL; at += 3)
		at[2] = '1';
	return MHD_http_unescape(text);
}

static void peer(struct MHD_Connection *connection, char text[64])
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *address = info ? info->client_addr : NULL;
	text[0] = '\0';
	if (address && address->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr,
			  text, 64);
}

static struct request *request_new(struct server *server, struct MHD_Connection *connection)
{
	struct request *request = xcalloc(1, sizeof(*request));
	const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
							 MHD_HTTP_HEADER_CONTENT_LENGTH);
	request->server = server;
	request->connection = connection;
	request->too_large = length && strtoull(length, NULL, 10) > HTTP_BODY_MAX_BYTES;
	peer(connection, request->from);
	return request;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **state)
{
	struct request *request = *state;
	(void)version;
	if (request == NULL) {
		*state = request = request_new(context, connection);
		/* Said before the body comes, it need not come. */
		return request->too_large ? http_text(request, MHD_HTTP_CONTENT_TOO_LARGE,
						      "the body is larger than 64 KiB\n")
					  : MHD_YES;
	}
	if (*upload_size > 0) {
		request->came += *upload_size;
		if (request->came > HTTP_BODY_MAX_BYTES)
			request->too_large = true;
		if (request->came > BODY_GIVE_UP_BYTES)
			return MHD_NO;
		if (!request->too_large)
			str_add_bytes(&request->body, upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	if (request->too_large)
		return http_text(request, MHD_HTTP_CONTENT_TOO_LARGE,
				 "the body is larger than 64 KiB\n");
	return route(request, method, url);
}

static void completed(void *context, struct MHD_Connection *connection, void **state,
		      enum MHD_RequestTerminationCode why)
{
	struct request *request = *state;
	(void)context;
	(void)connection;
	(void)why;
	if (request == NULL)
		return;
	probe_free(request->probe);
	str_free(&request->body);
	free(request);
	*state = NULL;
}

int http_start(struct server *server, const char *address, uint16_t port, struct http **http,
	       struct err *err)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	if (inet_pton(AF_INET, address, &at.sin_addr) != 1)
		return err_set(err, "%s: not an address", address);
	struct MHD_Daemon *daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, port, NULL, NULL,
		handle, server, MHD_OPTION_EXTERNAL_LOGGER, log_message, NULL, MHD_OPTION_SOCK_ADDR,
		&at, MHD_OPTION_NOTIFY_COMPLETED, completed, NULL, MHD_OPTION_UNESCAPE_CALLBACK,
		unescape, NULL, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_IDLE_TIMEOUT_S,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_MAX,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_PER_ADDRESS,
		MHD_OPTION_END);
	if (daemon == NULL)
		return err_set_errno(err, errno, "HTTP on %s port %u", address, port);
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (info == NULL) {
		MHD_stop_daemon(daemon);
		return err_set(err, "libmicrohttpd: this build has no epoll");
	}
	*http = xcalloc(1, sizeof(**http));
	(*http)->daemon = daemon;
	(*http)->epoll = info->epoll_fd;
	return 0;
}

void http_stop(struct http *http)
{
	if (http == NULL)
		return;
	/* A suspended connection cannot be closed; a resumed one can. */
	while (http->waiting)
		http_resume(http, http->waiting);
	MHD_stop_daemon(http->daemon);
	free(http);
}

int http_fd(const struct http *http)
{
	return http->epoll;
}

int http_timeout_ms(const struct http *http)
{
	MHD_UNSIGNED_LONG_LONG timeout_ms;
	if (MHD_get_timeout(http->daemon, &timeout_ms) != MHD_YES)
		return -1;
	return timeout_ms > 1000 ? 1000 : (int)timeout_ms;
}

void http_work(struct http *http)
{
	MHD_run(http->daemon);
}

enum MHD_Result http_wait(struct request *request, struct probe *probe)
{
	struct http *http = request->server->http;
	request->probe = probe;
	request->asked = request->waiting = true;
	request->next = http->waiting;
	http->waiting = request;
	MHD_suspend_connection(request->connection);
	return MHD_YES;
}

void http_resume(struct http *http, struct request *request)
{
	for (struct request **at = &http->waiting; *at; at = &(*at)->next) {
		if (*at != request)
			continue;
		*at = request->next;
		request->waiting = false;
		MHD_resume_connection(request->connection);
		return;
	}
}

const char *http_argument(const struct request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

enum MHD_Result http_text(struct request *request, unsigned status, const char *text)
{
	AUTO_FREE char *copy = xstrdup(text);
	struct MHD_Response *response =
		MHD_create_response_from_buffer(strlen(copy), copy, MHD_RESPMEM_MUST_COPY);
	if (response == NULL)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
				"text/plain; charset=utf-8");
	enum MHD_Result result = MHD_queue_response(request->connection, status, response);
	MHD_destroy_response(response);
	return result;
}

/* A file on its way out. */
struct sending {
	int fd;
	struct http_file file;
};

static ssize_t read_file(void *context, uint64_t position, char *buffer, size_t size)
{
	struct sending *sending = context;
	ssize_t got;
	do
		got = pread(sending->fd, buffer, size, (off_t)position);
	while (got < 0 && errno == EINTR);
	/* Shorter than promised: cut, so that the client sees an error and not a file. */
	if (got <= 0)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (sending->file.served)
		sending->file.served(sending->file.context, position + (uint64_t)got);
	return got;
}

static void free_file(void *context)
{
	struct sending *sending = context;
	close(sending->fd);
	if (sending->file.done)
		sending->file.done(sending->file.context);
	free(sending);
}

enum MHD_Result http_send_file(struct request *request, const struct http_file *file,
			       struct err *err)
{
	struct stat status;
	int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0) {
		err_set_errno(err, errno, "%s", file->path);
		return MHD_NO;
	}
	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) ||
	    (uint64_t)status.st_size != file->size_bytes) {
		err_set(err, "%s: is not the file of %llu bytes that its manifest names",
			file->path, (unsigned long long)file->size_bytes);
		close(fd);
		return MHD_NO;
	}
	struct sending *sending = xcalloc(1, sizeof(*sending));
	sending->fd = fd;
	sending->file = *file;
	struct MHD_Response *response = MHD_create_response_from_callback(
		file->size_bytes, FILE_BLOCK_BYTES, read_file, sending, free_file);
	if (response == NULL) {
		/* The context is still the caller's: it hears MHD_NO. */
		sending->file.done = NULL;
		free_file(sending);
		err_set(err, "%s: out of memory", file->path);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/octet-stream");
	MHD_queue_response(request->connection, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return MHD_YES;
}
