/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "daemon/address.h"
#include "daemon/http.h"
#include "daemon/ra.h"
#include "daemon/server.h"
#include "daemon/site_watch.h"
#include "model/secret.h"
#include "remote/identity.h"

enum {
	LOOP_MAX_MS = 1000, /* how soon a change of the site is seen */
	DNSMASQ_START_MS = 500,
	DNSMASQ_AGAIN_MIN_MS = 1000,
	DNSMASQ_AGAIN_MAX_MS = 30000,
};

int64_t server_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t server_clock_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* In a user namespace there is no other user to become. */
static const char *dnsmasq_user(void)
{
	AUTO_STR struct str map = STR_INIT;
	if (getpwnam("dnsmasq") == NULL || file_read("/proc/self/uid_map", 4096, &map, NULL) != 0 ||
	    strstr(str_text(&map), "4294967295") == NULL)
		return "root";
	return "dnsmasq";
}

/* Where iPXE's binaries are: our own before the distribution's. */
static int find_tftp(const char *share_dir, char **dir, struct err *err)
{
	char *candidates[] = { xasprintf("%s/pxe/binaries", share_dir), xstrdup("/usr/lib/ipxe"),
			       xstrdup("/usr/share/ipxe") };
	*dir = NULL;
	for (size_t i = 0; i < COUNT_OF(candidates); i++) {
		AUTO_FREE char *file = xasprintf("%s/undionly.kpxe", candidates[i]);
		if (*dir == NULL && file_exists(file))
			*dir = candidates[i];
		else
			free(candidates[i]);
	}
	return *dir ? 0 : err_set(err, "undionly.kpxe is not installed (Debian: ipxe)");
}

/* Not when it is there as it is: a full disk is no reason to stop serving. */
static int write_config(const char *path, const struct str *text, struct err *err)
{
	AUTO_STR struct str there = STR_INIT;
	if (file_read(path, text->length, &there, NULL) == 0 &&
	    text_equal(str_text(&there), str_text(text)))
		return 0;
	return file_write(path, str_text(text), text->length, 0600, err);
}

static int start_dnsmasq(struct server *server, struct err *err)
{
	AUTO_STR struct str text = STR_INIT;
	AUTO_FREE char *tftp = NULL;
	AUTO_FREE char *path = xasprintf("%s/dnsmasq.conf", server->boot.dir);
	if (find_tftp(server->options.share_dir, &tftp, err) != 0)
		return -1;
	const struct dnsmasq_config config = {
		.site = &server->site,
		.share_dir = server->options.share_dir,
		.boot_dir = server->boot.dir,
		.server = server->address,
		.interface = server->interface,
		.only = server->options.only,
		.tftp_dir = tftp,
		.user = dnsmasq_user(),
	};
	if (dnsmasq_config_print(&config, &text, err) != 0 || write_config(path, &text, err) != 0)
		return -1;
	/* Who has which address follows from the site alone. A lease from before a machine was
	   replaced would keep its address from the new one. */
	AUTO_FREE char *leases = dnsmasq_leases(server->boot.dir);
	unlink(leases);
	server->dnsmasq_again_ms = 0;
	return dnsmasq_start(&server->dnsmasq, path, err);
}

static void dnsmasq_event(void *context, const struct dnsmasq_event *event)
{
	struct server *server = context;
	struct err err = ERR_INIT;
	int64_t now_ms = server_now_ms();
	struct boot_node *node = boot_find_mac(&server->boot, event->mac);
	if (event->type == DNSMASQ_PXE && node)
		boot_dhcp(&server->boot, node, now_ms);
	else if (event->type == DNSMASQ_UNKNOWN && node == NULL &&
		 boot_unknown(&server->boot, event->mac, "an address", now_ms, &err) != 0)
		log_line("%s", err.text);
	else if (event->type == DNSMASQ_TROUBLE)
		log_line("dnsmasq: %s", event->text);
}

/* It died: not often, or the configuration would never work. */
static void dnsmasq_died(struct server *server)
{
	dnsmasq_stop(&server->dnsmasq);
	int64_t wait_ms = DNSMASQ_AGAIN_MIN_MS
			  << (server->dnsmasq_deaths < 5 ? server->dnsmasq_deaths : 5);
	if (wait_ms > DNSMASQ_AGAIN_MAX_MS)
		wait_ms = DNSMASQ_AGAIN_MAX_MS;
	server->dnsmasq_deaths++;
	server->dnsmasq_again_ms = server_clock_ms() + wait_ms;
	log_line("dnsmasq ended; it is started again in %lld s", (long long)wait_ms / 1000);
}

/* A mistake in its configuration or a port that is taken shows at once. */
static int watch_start(struct server *server, struct err *err)
{
	struct pollfd event = { .fd = server->dnsmasq.log_fd, .events = POLLIN };
	int64_t until_ms = server_clock_ms() + DNSMASQ_START_MS;
	while (!server->dnsmasq.started) {
		int64_t left_ms = until_ms - server_clock_ms();
		if (left_ms <= 0)
			break;
		poll(&event, 1, (int)left_ms);
		if (dnsmasq_read(&server->dnsmasq, dnsmasq_event, server) != 0)
			return err_set(err, "dnsmasq does not start: %s",
				       server->dnsmasq.last[0] ? server->dnsmasq.last
							       : "it says nothing");
	}
	return 0;
}

static int block_signals(struct err *err)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return err_set_errno(err, errno, "signals");
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd >= 0 ? fd : err_set_errno(err, errno, "signals");
}

/* The port alone does not keep a second one away: the site may have changed it meanwhile. */
static int take_lock(struct server *server, struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/serve.lock", server->boot.dir);
	server->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (server->lock < 0)
		return err_set_errno(err, errno, "%s", path);
	if (flock(server->lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return err_set_errno(err, errno, "%s", path);
	return err_set(err,
		       "moyai pxe serve runs already with the state directory %s; end it first",
		       server->options.state_dir);
}

/* A key that all others would refuse is refused here, too. */
static int begin_site(const char *state_dir, struct err *err)
{
	struct site_key key;
	if (site_key_make(state_dir, err) != 0)
		return -1;
	int rc = site_key_load(state_dir, &key, err);
	explicit_bzero(&key, sizeof(key));
	return rc;
}

int server_start(const struct server_options *options, struct site *site, struct server *server,
		 struct err *err)
{
	AUTO_STR struct str key = STR_INIT;
	char address[INET_ADDRSTRLEN];
	*server = (struct server){ .options = *options,
				   .site = *site,
				   .dnsmasq = { .log_fd = -1 },
				   .probe_pipe = { -1, -1 },
				   .signals = -1,
				   .ra = -1,
				   .lock = -1,
				   .applier = APPLIER_INIT };
	*site = (struct site){ 0 };
	signal(SIGPIPE, SIG_IGN);
	if (boot_address_find(&server->site, address, server->interface, err) != 0)
		goto fail;
	server->address = xstrdup(address);
	server->port = server->site.boot_port;
	server->url =
		xasprintf("http://%s:%llu", server->address, (unsigned long long)server->port);
	text_list_copy(&server->site_files, &server->site.files);
	server->site_stamp = site_stamp(options->site_dir, &server->site_files);
	if ((server->signals = block_signals(err)) < 0 ||
	    boot_open(options->state_dir, &server->boot, err) != 0 || take_lock(server, err) != 0 ||
	    begin_site(options->state_dir, err) != 0 ||
	    identity_load(options->state_dir, NULL, &key, err) != 0 ||
	    tokens_load(options->state_dir, &server->tokens, err) != 0)
		goto fail;
	server->login_key = str_take(&key);
	server->boot.changed = options->progress;
	server->boot.stranger = options->stranger;
	server->boot.context = options->context;
	if (boot_set_site(&server->boot, &server->site, err) != 0)
		goto fail;
	if (pipe2(server->probe_pipe, O_CLOEXEC) != 0) {
		err_set_errno(err, errno, "pipe");
		goto fail;
	}
	fcntl(server->probe_pipe[0], F_SETFL, O_NONBLOCK);
	if (http_start(server, server->address, (uint16_t)server->port, &server->http, err) != 0 ||
	    start_dnsmasq(server, err) != 0 || watch_start(server, err) != 0)
		goto fail;
	struct err why = ERR_INIT;
	server->ra = ra_open(server->interface, &why);
	if (server->ra < 0)
		log_line("machines will wait 16 s for an IPv6 router: %s", why.text);
	return 0;
fail:
	server_stop(server);
	return -1;
}

/* Take over a changed site, or say why not. */
static void look_at_site(struct server *server)
{
	struct err err = ERR_INIT;
	struct site fresh = { 0 };
	const char *dir = server->options.site_dir;
	if (site_stamp(dir, &server->site_files) == server->site_stamp)
		return;
	int rc = site_reread(dir, server->options.share_dir, &fresh, &server->site_files);
	server->site_stamp = site_stamp(dir, &server->site_files);
	if (rc != 0)
		return;
	if (!text_equal(fresh.boot_server, server->site.boot_server) ||
	    fresh.boot_port != server->port)
		log_line("boot.server or boot.port changed: start the boot server again");
	site_free(&server->site);
	server->site = fresh;
	log_line("the site changed and was read again");
	dnsmasq_stop(&server->dnsmasq);
	if (boot_set_site(&server->boot, &server->site, &err) != 0 ||
	    start_dnsmasq(server, &err) != 0) {
		log_line("%s", err.text);
		dnsmasq_died(server);
	}
}

static void probes_ended(struct server *server)
{
	struct request *request;
	while (read(server->probe_pipe[0], &request, sizeof(request)) == (ssize_t)sizeof(request))
		http_resume(server->http, request);
}

static void look_at_dnsmasq(struct server *server)
{
	struct err err = ERR_INIT;
	if (server->dnsmasq.guardian > 0) {
		if (dnsmasq_read(&server->dnsmasq, dnsmasq_event, server) != 0)
			dnsmasq_died(server);
	} else if (server_clock_ms() >= server->dnsmasq_again_ms) {
		if (start_dnsmasq(server, &err) != 0) {
			log_line("%s", err.text);
			dnsmasq_died(server);
		}
	}
}

/* The apply that runs, and the next one. */
static void look_at_queue(struct server *server)
{
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	struct err err = ERR_INIT;
	int64_t now_ms = server_clock_ms();
	struct applier *applier = &server->applier;
	if (applier_read(applier, &names) != 0) {
		if (!applier->finished && !applier_told_all(applier))
			log_line("apply: it did not come to its end; what it said is in %s",
				 server->options.apply->log_path);
		for (size_t i = 0; i < applier->count; i++)
			if (applier->nodes[i].why)
				log_line("%s: not applied: %s", applier->nodes[i].name,
					 applier->nodes[i].why);
		log_line("applied %zu of %zu nodes in %lld s", applier->count - names.count,
			 applier->count, (long long)(now_ms - applier->since_ms + 500) / 1000);
		applier_free(applier);
		queue_done(&server->queue, &names, now_ms);
		text_list_free(&names);
	}
	if (!queue_take(&server->queue, now_ms, &names))
		return;
	log_line("applying %zu node%s that asked", names.count, names.count == 1 ? "" : "s");
	if (applier_start(applier, server->options.apply, &names, now_ms, &err) == 0)
		return;
	log_line("apply: %s", err.text);
	queue_done(&server->queue, &names, now_ms);
}

int server_run(struct server *server, struct err *err)
{
	for (;;) {
		struct pollfd events[] = {
			{ .fd = server->signals, .events = POLLIN },
			{ .fd = http_fd(server->http), .events = POLLIN },
			{ .fd = server->dnsmasq.log_fd, .events = POLLIN },
			{ .fd = server->probe_pipe[0], .events = POLLIN },
			{ .fd = server->ra, .events = POLLIN },
			{ .fd = server->applier.out, .events = POLLIN },
		};
		int timeout_ms = http_timeout_ms(server->http);
		if (timeout_ms < 0 || timeout_ms > LOOP_MAX_MS)
			timeout_ms = LOOP_MAX_MS;
		int queue_ms = queue_wait_ms(&server->queue, server_clock_ms());
		if (queue_ms >= 0 && queue_ms < timeout_ms)
			timeout_ms = queue_ms;
		if (poll(events, COUNT_OF(events), timeout_ms) < 0 && errno != EINTR)
			return err_set_errno(err, errno, "poll");
		if (events[0].revents)
			return 0;
		if (events[4].revents)
			ra_answer(server->ra);
		probes_ended(server);
		http_work(server->http);
		look_at_dnsmasq(server);
		look_at_queue(server);
		int64_t now_ms = server_clock_ms();
		if (server->options.turn)
			server->options.turn(server->options.context, now_ms);
		if (now_ms - server->site_looked_ms >= LOOP_MAX_MS) {
			server->site_looked_ms = now_ms;
			look_at_site(server);
		}
	}
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void server_stop(struct server *server)
{
	http_stop(server->http);
	server->http = NULL;
	dnsmasq_stop(&server->dnsmasq);
	applier_stop(&server->applier);
	queue_free(&server->queue);
	close_fd(&server->probe_pipe[0]);
	close_fd(&server->probe_pipe[1]);
	close_fd(&server->signals);
	close_fd(&server->ra);
	close_fd(&server->lock);
	boot_free(&server->boot);
	tokens_free(&server->tokens);
	site_free(&server->site);
	text_list_free(&server->site_files);
	free(server->url);
	free(server->address);
	free(server->login_key);
	*server = (struct server){ .dnsmasq = { .log_fd = -1 },
				   .probe_pipe = { -1, -1 },
				   .signals = -1,
				   .ra = -1,
				   .lock = -1,
				   .applier = APPLIER_INIT };
}
