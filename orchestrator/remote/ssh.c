/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "remote/ssh.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"

/* How often a waiting thread looks whether it should stop. */
enum { STOP_POLL_MS = 200 };

struct ssh_link {
	struct link link;
	ssh_session session;
	char *where; /* "ADDRESS port N" */
	unsigned timeout_ms;
};

struct ssh_exec {
	struct stream stream;
	ssh_session session; /* borrowed from the link */
	ssh_channel remote;
};

int ssh_setup(struct err *err)
{
	ssh_threads_set_callbacks(ssh_threads_get_pthread());
	return ssh_init() == SSH_OK ? 0 : err_set(err, "libssh could not be initialised");
}

/* ---- the connection ---- */

/* A node that loses power in the middle says nothing more: TCP has to notice,
   also while a long step runs and nobody expects a line. */
static void socket_options(int fd)
{
	int on = 1;
	int idle_s = 10;
	int interval_s = 5;
	int count = 4;
	unsigned unacknowledged_ms = 30000;
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms,
		   sizeof(unacknowledged_ms));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* Wait for the descriptor. 1: ready; 0: the deadline is past; -1: "interrupted". */
static int wait_for(int fd, short events, long deadline_ms, const bool *stop, struct err *err)
{
	for (;;) {
		struct pollfd wait = { .fd = fd, .events = events };
		long left_ms = deadline_ms - stream_now_ms();
		if (stop && __atomic_load_n(stop, __ATOMIC_ACQUIRE))
			return err_set(err, "interrupted");
		if (left_ms <= 0)
			return 0;
		if (poll(&wait, 1, (int)(left_ms < STOP_POLL_MS ? left_ms : STOP_POLL_MS)) > 0)
			return 1;
	}
}

static int no_answer(const char *where, unsigned timeout_ms, struct err *err)
{
	return err_set(err, "%s: no answer for %u s", where, timeout_ms / 1000);
}

static int dial(const struct ssh_options *options, const char *address, const char *where,
		const bool *stop, struct err *err)
{
	unsigned port = options->port;
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
		return err_set(err, "%s is not an IPv4 address", address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set_errno(err, errno, "socket");
	socket_options(fd);
	int error = 0;
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		error = errno;
	if (error == EINPROGRESS) {
		socklen_t length = sizeof(error);
		int ready = wait_for(fd, POLLOUT, stream_now_ms() + options->connect_timeout_ms,
				     stop, err);
		if (ready <= 0) {
			close(fd);
			return ready < 0 ? -1 : no_answer(where, options->connect_timeout_ms, err);
		}
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
	}
	if (error) {
		close(fd);
		return err_set_errno(err, error, "%s", where);
	}
	return fd;
}

/*
 * Until the log-in is done and the command runs, libssh does not block: each of its calls is made
 * again while it says "again", so that Ctrl-C and the deadline end the wait for a silent node.
 */
struct patience {
	ssh_session session;
	const char *where;
	unsigned timeout_ms;
	long deadline_ms;
	const bool *stop;
};

static struct patience patience_begin(ssh_session session, const char *where, unsigned timeout_ms,
				      const bool *stop)
{
	ssh_set_blocking(session, 0);
	return (struct patience){ session, where, timeout_ms, stream_now_ms() + timeout_ms, stop };
}

/* After "again": 0 when there is something to go on with. */
static int patience_wait(const struct patience *self, struct err *err)
{
	bool unsent = ssh_get_poll_flags(self->session) & SSH_WRITE_PENDING;
	int ready = wait_for(ssh_get_fd(self->session), unsent ? POLLIN | POLLOUT : POLLIN,
			     self->deadline_ms, self->stop, err);
	if (ready == 0)
		return no_answer(self->where, self->timeout_ms, err);
	return ready < 0 ? -1 : 0;
}

/* Algorithms are fixed, quickest first: curve25519 costs both sides least, and
   compression only costs. What is not set here libssh would take from files. */
static int set_options(ssh_session session, const struct ssh_options *options, const char *address,
		       struct err *err)
{
	AUTO_FREE char *known_hosts = xasprintf("%s/known_hosts", options->state_dir);
	int no = 0;
	long timeout_s = (long)(options->login_timeout_ms + 999) / 1000;
	int verbosity = SSH_LOG_NOLOG;
	const struct {
		enum ssh_options_e option;
		const void *value;
	} settings[] = {
		{ SSH_OPTIONS_PROCESS_CONFIG, &no },
		{ SSH_OPTIONS_LOG_VERBOSITY, &verbosity },
		{ SSH_OPTIONS_HOST, address },
		{ SSH_OPTIONS_PORT, &options->port },
		{ SSH_OPTIONS_USER, options->user },
		{ SSH_OPTIONS_KNOWNHOSTS, known_hosts },
		{ SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null" },
		{ SSH_OPTIONS_TIMEOUT, &timeout_s },
		{ SSH_OPTIONS_KEY_EXCHANGE,
		  "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256" },
		{ SSH_OPTIONS_HOSTKEYS, "ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-512" },
		{ SSH_OPTIONS_CIPHERS_C_S, "aes128-gcm@openssh.com,aes256-gcm@openssh.com,"
					   "chacha20-poly1305@openssh.com,aes256-ctr" },
		{ SSH_OPTIONS_CIPHERS_S_C, "aes128-gcm@openssh.com,aes256-gcm@openssh.com,"
					   "chacha20-poly1305@openssh.com,aes256-ctr" },
		{ SSH_OPTIONS_COMPRESSION, "no" },
		{ SSH_OPTIONS_NODELAY, &(int){ 1 } },
	};
	for (size_t i = 0; i < COUNT_OF(settings); i++)
		if (ssh_options_set(session, settings[i].option, settings[i].value) < 0)
			return err_set(err, "libssh: %s", ssh_get_error(session));
	return 0;
}

static char *fingerprint(ssh_key key)
{
	unsigned char *hash = NULL;
	size_t length = 0;
	if (key == NULL ||
	    ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &length) != 0)
		return xstrdup("(none)");
	char *text = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, length);
	char *copy = xstrdup(text ? text : "(none)");
	ssh_string_free_char(text);
	ssh_clean_pubkey_hash(&hash);
	return copy;
}

/* The fingerprint of the first pin of this host; libssh does not tell. */
static char *pinned_fingerprint(const char *where, const char *pins)
{
	enum { PINS_MAX = 16 * 1024 * 1024 };
	AUTO_STR struct str text = STR_INIT;
	char host[256], type[64], base64[2048];
	size_t length = strlen(where);
	if (file_read(pins, PINS_MAX, &text, NULL) != 0)
		return fingerprint(NULL);
	for (const char *line = text.data; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		/* The address, and behind it perhaps the node's name. */
		if (sscanf(line, "%255s %63s %2047s", host, type, base64) != 3 ||
		    strncmp(host, where, length) != 0 || strcspn(host + length, ",") != 0)
			continue;
		ssh_key key = NULL;
		ssh_pki_import_pubkey_base64(base64, ssh_key_type_from_name(type), &key);
		char *shown = fingerprint(key);
		ssh_key_free(key);
		return shown;
	}
	return fingerprint(NULL);
}

static int host_key_changed(const char *node, const char *where, const char *shown,
			    const char *pins, struct err *err)
{
	AUTO_FREE char *pinned = pinned_fingerprint(where, pins);
	return err_set(err,
		       "refused: the host key of %s has changed: it shows %s, pinned is %s; either "
		       "another machine answers there, or it was booted without Moyai. If you know "
		       "why, remove the line of %s from %s and boot %s again",
		       where, shown, pinned, where, pins, node);
}

static int host_key_unknown(ssh_key key, const char *node, const char *where, const char *shown,
			    const char *pins, struct err *err)
{
	char *base64 = NULL;
	ssh_pki_export_pubkey_base64(key, &base64);
	err_set(err,
		"refused: the host key of %s (%s) is not pinned; Moyai pins it when \"moyai pxe "
		"serve\" boots %s. If you have verified it another way, add this line to %s: "
		"%s %s %s",
		where, shown, node, pins, where, ssh_key_type_to_char(ssh_key_type(key)),
		base64 ? base64 : "?");
	ssh_string_free_char(base64);
	return -1;
}

static int check_host_key(ssh_session session, const struct ssh_options *options, const char *node,
			  const char *address, struct err *err)
{
	/* As OpenSSH writes it: the port only where it is not 22. */
	AUTO_FREE char *where = options->port == 22 ? xstrdup(address)
						    : xasprintf("[%s]:%u", address, options->port);
	AUTO_FREE char *pins = xasprintf("%s/known_hosts", options->state_dir);
	ssh_key key = NULL;
	enum ssh_known_hosts_e known = ssh_session_is_known_server(session);
	if (known == SSH_KNOWN_HOSTS_OK)
		return 0;
	if (ssh_get_server_publickey(session, &key) != SSH_OK)
		return err_set(err, "refused: %s shows no host key", where);
	AUTO_FREE char *shown = fingerprint(key);
	int rc = -1;
	switch (known) {
	case SSH_KNOWN_HOSTS_CHANGED:
	case SSH_KNOWN_HOSTS_OTHER:
		rc = host_key_changed(node, where, shown, pins, err);
		break;
	case SSH_KNOWN_HOSTS_UNKNOWN:
	case SSH_KNOWN_HOSTS_NOT_FOUND:
		rc = host_key_unknown(key, node, where, shown, pins, err);
		break;
	default:
		rc = err_set(err, "refused: the host key of %s cannot be checked: %s", where,
			     ssh_get_error(session));
	}
	ssh_key_free(key);
	return rc;
}

/* The key straight away: asking first which methods there are, and whether the
   key would do, are two round trips for nothing. */
static int log_in(const struct patience *patience, const struct ssh_options *options,
		  struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/id_ed25519", options->state_dir);
	ssh_session session = patience->session;
	ssh_key key = NULL;
	bool own = file_exists(path);
	bool agent = false;
	int rc;
	if (own && ssh_pki_import_privkey_file(path, NULL, NULL, NULL, &key) != SSH_OK)
		return err_set(err, "%s: not a private key without passphrase", path);
	for (;;) {
		if (agent)
			rc = ssh_userauth_agent(session, NULL);
		else if (own)
			rc = ssh_userauth_publickey(session, NULL, key);
		else
			rc = ssh_userauth_publickey_auto(session, NULL, NULL);
		if (rc == SSH_AUTH_DENIED && own && !agent && getenv("SSH_AUTH_SOCK"))
			agent = true;
		else if (rc != SSH_AUTH_AGAIN)
			break;
		else if (patience_wait(patience, err) != 0) {
			ssh_key_free(key);
			return -1;
		}
	}
	ssh_key_free(key);
	if (rc == SSH_AUTH_SUCCESS)
		return 0;
	if (rc == SSH_AUTH_DENIED || rc == SSH_AUTH_PARTIAL)
		return err_set(
			err,
			"log-in as %s with %s refused; the node takes the site's keys at its "
			"next boot",
			options->user, own ? path : "your own keys");
	return err_set(err, "log-in: %s", ssh_get_error(session));
}

/* ---- a command ---- */

static int exec_read(struct stream *stream, int timeout_ms, struct err *err)
{
	struct ssh_exec *self = (struct ssh_exec *)stream;
	enum { CHUNKS = 32 };
	char chunk[32768];
	bool more = false;
	int got = ssh_channel_poll_timeout(self->remote, timeout_ms, 0);
	if (got == SSH_ERROR)
		return err_set(err, "the connection was lost: %s", ssh_get_error(self->session));
	for (int is_stderr = 0; is_stderr < 2; is_stderr++) {
		struct str *sink = is_stderr ? &stream->errors : &stream->in;
		got = 1;
		for (int i = 0; i < CHUNKS && got > 0; i++) {
			got = ssh_channel_read_nonblocking(self->remote, chunk, sizeof(chunk),
							   is_stderr);
			if (got > 0)
				str_add_bytes(sink, chunk, (size_t)got);
		}
		more |= got > 0;
		if (got == SSH_ERROR)
			return err_set(err, "the connection was lost: %s",
				       ssh_get_error(self->session));
	}
	if (more)
		return 0;
	if (ssh_channel_is_eof(self->remote) || ssh_channel_is_closed(self->remote)) {
		stream->ended = true;
		stream->exit_code = ssh_channel_get_exit_status(self->remote);
	} else if (!ssh_is_connected(self->session)) {
		return err_set(err, "the connection was lost");
	}
	return 0;
}

static int exec_write(struct stream *stream, const void *bytes, size_t length, int timeout_ms,
		      struct err *err)
{
	struct ssh_exec *self = (struct ssh_exec *)stream;
	const char *from = bytes;
	/* libssh waits for room at most as long as the session's timeout. */
	long timeout_s = (timeout_ms + 999) / 1000;
	ssh_options_set(self->session, SSH_OPTIONS_TIMEOUT, &timeout_s);
	while (length > 0) {
		int put = ssh_channel_write(self->remote, from, (uint32_t)length);
		if (put == SSH_ERROR && ssh_channel_is_closed(self->remote))
			return 0; /* the reader finds why */
		if (put == SSH_ERROR)
			return err_set(err, "the connection was lost: %s",
				       ssh_get_error(self->session));
		if (put <= 0)
			return err_set(err, "the node takes no input");
		from += put;
		length -= (size_t)put;
	}
	return 0;
}

static int exec_end_input(struct stream *stream, struct err *err)
{
	struct ssh_exec *self = (struct ssh_exec *)stream;
	if (ssh_channel_send_eof(self->remote) != SSH_OK)
		return err_set(err, "the connection was lost: %s", ssh_get_error(self->session));
	return 0;
}

static void exec_close(struct stream *stream)
{
	struct ssh_exec *self = (struct ssh_exec *)stream;
	ssh_channel_close(self->remote);
	ssh_channel_free(self->remote);
	str_free(&stream->in);
	line_reader_free(&stream->lines);
	str_free(&stream->errors);
	free(self);
}

static const struct stream_ops SSH_STREAM = { exec_read, exec_write, exec_end_input, exec_close };

static int start(ssh_channel remote, const char *command, const struct patience *patience,
		 struct err *err)
{
	int rc;
	while ((rc = ssh_channel_open_session(remote)) == SSH_AGAIN)
		if (patience_wait(patience, err) != 0)
			return -1;
	if (rc == SSH_OK)
		while ((rc = ssh_channel_request_exec(remote, command)) == SSH_AGAIN)
			if (patience_wait(patience, err) != 0)
				return -1;
	if (rc == SSH_OK)
		return 0;
	return err_set(err, "cannot start a command: %s", ssh_get_error(patience->session));
}

static struct stream *ssh_exec(struct link *link, const char *const *words, const bool *stop,
			       struct err *err)
{
	struct ssh_link *self = (struct ssh_link *)link;
	AUTO_STR struct str command = STR_INIT;
	for (size_t i = 0; words[i]; i++)
		str_addf(&command, "%s%s", i ? " " : "", words[i]);
	ssh_channel remote = ssh_channel_new(self->session);
	if (remote == NULL) {
		err_set(err, "libssh: %s", ssh_get_error(self->session));
		return NULL;
	}
	const struct patience patience =
		patience_begin(self->session, self->where, self->timeout_ms, stop);
	int rc = start(remote, str_text(&command), &patience, err);
	ssh_set_blocking(self->session, 1);
	if (rc != 0) {
		ssh_channel_free(remote);
		return NULL;
	}
	struct ssh_exec *exec = xcalloc(1, sizeof(*exec));
	exec->stream.ops = &SSH_STREAM;
	exec->stream.exit_code = -1;
	exec->session = self->session;
	exec->remote = remote;
	return &exec->stream;
}

static void ssh_link_close(struct link *link)
{
	struct ssh_link *self = (struct ssh_link *)link;
	ssh_disconnect(self->session);
	ssh_free(self->session);
	free(self->where);
	free(self);
}

static const struct link_ops SSH_LINK = { ssh_exec, ssh_link_close };

/* Version and key exchange. */
static int shake_hands(const struct patience *patience, struct err *err)
{
	int rc;
	while ((rc = ssh_connect(patience->session)) == SSH_AGAIN)
		if (patience_wait(patience, err) != 0)
			return -1;
	return rc == SSH_OK
		       ? 0
		       : err_set(err, "%s: %s", patience->where, ssh_get_error(patience->session));
}

static int establish(ssh_session session, const struct ssh_options *options, const char *node,
		     const char *address, const char *where, const bool *stop, struct err *err)
{
	if (set_options(session, options, address, err) != 0)
		return -1;
	int fd = dial(options, address, where, stop, err);
	if (fd < 0)
		return -1;
	if (ssh_options_set(session, SSH_OPTIONS_FD, &fd) < 0) {
		close(fd);
		return err_set(err, "libssh: %s", ssh_get_error(session));
	}
	const struct patience patience =
		patience_begin(session, where, options->login_timeout_ms, stop);
	int rc = shake_hands(&patience, err);
	/* It has taken the socket; while the option names it, it would never close it. */
	ssh_options_set(session, SSH_OPTIONS_FD, NULL);
	if (rc != 0)
		return -1;
	if (check_host_key(session, options, node, address, err) != 0)
		return -1;
	return log_in(&patience, options, err);
}

struct link *ssh_link_open(const struct ssh_options *options, const char *node, const char *address,
			   const bool *stop, struct err *err)
{
	ssh_session session = ssh_new();
	if (session == NULL) {
		err_set(err, "libssh: no session");
		return NULL;
	}
	char *where = xasprintf("%s port %u", address, options->port);
	if (establish(session, options, node, address, where, stop, err) != 0) {
		ssh_disconnect(session);
		ssh_free(session);
		free(where);
		return NULL;
	}
	struct ssh_link *self = xcalloc(1, sizeof(*self));
	self->link.ops = &SSH_LINK;
	self->session = session;
	self->where = where;
	self->timeout_ms = options->login_timeout_ms;
	return &self->link;
}
