/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/journal_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "daemon/address.h"
#include "daemon/journal_book.h"
#include "daemon/journal_http.h"
#include "daemon/journal_writer.h"
#include "daemon/notify.h"
#include "daemon/site_watch.h"
#include "model/certificate.h"
#include "model/journal.h"
#include "model/secret.h"

enum {
	LOOP_MAX_MS = 1000,
	DATAGRAM_MAX_BYTES = 2048, /* netconsole sends 1000 at most */
	DATAGRAMS_AT_ONCE = 256,   /* and then uploads have their turn */
	RECEIVE_BUFFER_BYTES = 4 << 20,
	BOOK_MAX_BYTES = 4 << 20,
	SAVE_EVERY_S = 10,
};

struct journal_server {
	const struct journal_options *options;
	struct site site;
	struct text_list site_files;
	uint64_t site_stamp;
	time_t looked_s, saved_s, told_s;
	uint64_t strangers; /* datagrams of nobody's, since it was told */
	struct map by_address;
	struct book book;
	struct journal_writer writer;
	struct journal_http *http;
	struct certificate certificate;
	int signals, udp;
};

static uint64_t now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int add(struct journal_server *server, const struct str *entries, struct err *err)
{
	if (entries->length == 0)
		return 0;
	return journal_writer_add(&server->writer, entries->data, entries->length, err);
}

/* Beside the journals. What is not written yet is at worst there twice after a crash, and each time it
   goes to the disk at once. */
static char *book_path(const struct journal_server *server)
{
	return xasprintf("%s/positions", server->options->journal_dir);
}

static void save_book(struct journal_server *server)
{
	struct err err = ERR_INIT;
	AUTO_STR struct str text = STR_INIT;
	AUTO_FREE char *path = book_path(server);
	if (!server->book.changed)
		return;
	book_print(&server->book, &text);
	if (file_write(path, str_text(&text), text.length, 0600, &err) != 0)
		log_line("%s", err.text);
}

static void load_book(struct journal_server *server)
{
	struct err err = ERR_INIT;
	AUTO_STR struct str text = STR_INIT;
	AUTO_FREE char *path = book_path(server);
	if (file_exists(path) && file_read(path, BOOK_MAX_BYTES, &text, &err) != 0)
		log_line("%s", err.text);
	book_read(&server->book, str_text(&text));
}

/* ---- uploads ---- */

static bool known(void *context, const char *node)
{
	const struct journal_server *server = context;
	return site_find_node(&server->site, node) != NULL;
}

static int take_entry(void *context, const char *node, const struct journal_entry *entry,
		      struct err *err)
{
	struct journal_server *server = context;
	AUTO_STR struct str out = STR_INIT;
	/* It may have been one when the connection began, and that lasts. */
	if (!known(server, node))
		return err_set(err, "this is no node of the site");
	struct book_node *of = book_find(&server->book, node);
	const struct book_node before = *of;
	book_entry(&server->book, of, entry, now_us(), &out);
	if (add(server, &out, err) == 0)
		return 0;
	/* The node sends it again, and then it is a new one. */
	*of = before;
	return -1;
}

/* ---- netconsole ---- */

static void take_datagram(struct journal_server *server, const char *address, const char *bytes,
			  size_t length)
{
	AUTO_STR struct str out = STR_INIT;
	struct kernel_line line;
	struct err err = ERR_INIT;
	const struct site_node *from = map_get(&server->by_address, address);
	struct book_node *node = from ? book_find(&server->book, from->name) : NULL;
	enum kernel_said said =
		node ? kernel_line_take(&node->parts, bytes, length, &line) : KERNEL_BAD;
	if (said == KERNEL_BAD)
		server->strangers++;
	if (said != KERNEL_LINE)
		return;
	const struct book_node before = *node;
	book_line(&server->book, node, &line, now_us(), &out);
	kernel_line_free(&line);
	if (add(server, &out, &err) == 0)
		return;
	/* It may come once more, in the node's journal. */
	*node = before;
	log_line("%s: a line of its kernel is lost: %s", node->name, err.text);
}

static void receive(struct journal_server *server)
{
	for (int i = 0; i < DATAGRAMS_AT_ONCE; i++) {
		char bytes[DATAGRAM_MAX_BYTES];
		char address[INET_ADDRSTRLEN];
		struct sockaddr_in from;
		socklen_t size = sizeof(from);
		ssize_t got = recvfrom(server->udp, bytes, sizeof(bytes), MSG_DONTWAIT,
				       (struct sockaddr *)&from, &size);
		if (got < 0)
			return;
		if (inet_ntop(AF_INET, &from.sin_addr, address, sizeof(address)))
			take_datagram(server, address, bytes, (size_t)got);
	}
}

static int listen_udp(const char *address, struct err *err)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(JOURNAL_KERNEL_PORT) };
	const int buffer = RECEIVE_BUFFER_BYTES;
	if (inet_pton(AF_INET, address, &at.sin_addr) != 1)
		return err_set(err, "%s: not an address", address);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	/* As much as the system allows: a crash says a hundred lines at once. */
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	if (fd >= 0 && bind(fd, (const struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	err_set_errno(err, errno, "UDP on %s port %d", address, JOURNAL_KERNEL_PORT);
	if (fd >= 0)
		close(fd);
	return -1;
}

/* ---- the site ---- */

static void learn_addresses(struct journal_server *server)
{
	map_free(&server->by_address);
	for (size_t i = 0; i < server->site.node_count; i++) {
		struct site_node *node = &server->site.nodes[i];
		const char *address = site_node_boot_address(&server->site, node);
		if (address != NULL)
			map_put(&server->by_address, address, node);
	}
}

static int read_site(struct journal_server *server)
{
	const struct journal_options *options = server->options;
	struct site fresh = { 0 };
	int rc = site_reread(options->site_dir, options->share_dir, &fresh, &server->site_files);
	server->site_stamp = site_stamp(options->site_dir, &server->site_files);
	if (rc != 0)
		return -1;
	site_free(&server->site);
	server->site = fresh;
	learn_addresses(server);
	return 0;
}

/* Ours: of the node that has the address. */
static int make_certificate(struct journal_server *server, const char *address, struct err *err)
{
	struct site_key key;
	AUTO_LIST struct text_list addresses = TEXT_LIST_INIT;
	const struct site_node *self = map_get(&server->by_address, address);
	if (self == NULL)
		return err_set(err, "%s is no node's boot address", address);
	if (site_key_load(server->options->state_dir, &key, err) != 0)
		return -1;
	text_list_add(&addresses, address);
	int rc = certificate_make(&key, server->site.name, self->name, &addresses,
				  &server->certificate, err);
	explicit_bzero(&key, sizeof(key));
	return rc;
}

/* ---- the loop ---- */

static int block_signals(struct err *err)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	int fd = sigprocmask(SIG_BLOCK, &set, NULL) == 0
			 ? signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)
			 : -1;
	return fd >= 0 ? fd : err_set_errno(err, errno, "signals");
}

static int start(struct journal_server *server, struct err *err)
{
	const struct journal_options *options = server->options;
	char address[INET_ADDRSTRLEN];
	char interface[IF_NAMESIZE];
	journal_writer_init(&server->writer, options->journal_dir);
	server->writer.all_max_bytes = options->all_max_bytes;
	if (options->file_max_bytes)
		server->writer.file_max_bytes = options->file_max_bytes;
	load_book(server);
	signal(SIGPIPE, SIG_IGN);
	if (read_site(server) != 0)
		return err_set(err, "%s cannot be used", options->site_dir);
	if ((server->signals = block_signals(err)) < 0 ||
	    boot_address_find(&server->site, address, interface, err) != 0 ||
	    make_certificate(server, address, err) != 0 ||
	    (server->udp = listen_udp(address, err)) < 0)
		return -1;
	const struct journal_http_options http = { .address = address,
						   .port = JOURNAL_PORT,
						   .certificate = &server->certificate,
						   .known = known,
						   .entry = take_entry,
						   .context = server };
	if (journal_http_start(&http, &server->http, err) != 0)
		return -1;
	log_line("journals at https://%s:%d, lines of kernels at UDP port %d", address,
		 JOURNAL_PORT, JOURNAL_KERNEL_PORT);
	return 0;
}

static void turn(struct journal_server *server)
{
	struct err err = ERR_INIT;
	time_t now_s = time(NULL);
	notify("WATCHDOG=1");
	if (now_s == server->looked_s)
		return;
	server->looked_s = now_s;
	if (now_s - server->saved_s >= SAVE_EVERY_S || now_s < server->saved_s) {
		save_book(server);
		server->saved_s = now_s;
	}
	if (journal_writer_turn(&server->writer, &err) != 0)
		log_line("%s", err.text);
	if (site_stamp(server->options->site_dir, &server->site_files) != server->site_stamp &&
	    read_site(server) == 0)
		log_line("the site changed and was read again");
	/* Not a line each: whoever sends them would fill our own journal. */
	if (server->strangers > 0 && (now_s - server->told_s >= 60 || now_s < server->told_s)) {
		log_line("%llu datagrams to port %d are of no node of the site, or none of "
			 "netconsole's, and are left out",
			 (unsigned long long)server->strangers, JOURNAL_KERNEL_PORT);
		server->strangers = 0;
		server->told_s = now_s;
	}
}

static int loop(struct journal_server *server, struct err *err)
{
	notify("READY=1");
	for (;;) {
		struct pollfd events[] = {
			{ .fd = server->signals, .events = POLLIN },
			{ .fd = journal_http_fd(server->http), .events = POLLIN },
			{ .fd = server->udp, .events = POLLIN },
		};
		int timeout_ms = journal_http_timeout_ms(server->http);
		if (timeout_ms < 0 || timeout_ms > LOOP_MAX_MS)
			timeout_ms = LOOP_MAX_MS;
		if (poll(events, COUNT_OF(events), timeout_ms) < 0 && errno != EINTR)
			return err_set_errno(err, errno, "poll");
		if (events[0].revents)
			return 0;
		/* Last lines first: nobody says them again. */
		receive(server);
		journal_http_work(server->http);
		turn(server);
	}
}

int journal_serve(const struct journal_options *options, struct err *err)
{
	struct journal_server server = { .options = options, .signals = -1, .udp = -1 };
	int rc = start(&server, err);
	if (rc == 0)
		rc = loop(&server, err);
	journal_http_stop(server.http);
	save_book(&server);
	journal_writer_close(&server.writer);
	cleanup_close(&server.signals);
	cleanup_close(&server.udp);
	certificate_free(&server.certificate);
	book_free(&server.book);
	map_free(&server.by_address);
	site_free(&server.site);
	text_list_free(&server.site_files);
	return rc;
}
