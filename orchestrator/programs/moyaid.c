/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The cluster manager's daemon, and its side of what the operator's moyai asks for
 * over ssh: docs/manager.md.
 *   moyaid           boot service, apply queue, watcher of site.git; until SIGTERM
 *   moyaid import    take over an archive of site and state from stdin; with the word
 *                    "applied", what it says of refs/moyai/applied, too
 *   moyaid export    write one to stdout
 *   moyaid keep      take over what an operator set: runtime.cfg, passwords of BMCs, as tar
 *   moyaid applies   what operators' machines say of their applies, from stdin, into the log of all, and
 *                    write that to stdout; with the word "add", nothing is written
 *   moyaid view      write known hosts, boot reports and manifests to stdout
 *   moyaid logs      journals of nodes; what of them is on stdin (daemon/journal_query.h)
 * And one more daemon:
 *   moyaid journal   take the journals of the site's nodes; until SIGTERM
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "daemon/applies.h"
#include "daemon/journal_query.h"
#include "daemon/journal_server.h"
#include "daemon/notify.h"
#include "daemon/server.h"
#include "daemon/store.h"
#include "model/mistake.h"

enum { LOOK_EVERY_MS = 1000, SILENCE_MS = 60000, QUERY_MAX_BYTES = 1 << 20 };

/* Where things are; the variables are for tests. */
struct layout {
	const char *dir, *share, *moyai;
};

static const char *variable(const char *name, const char *fallback)
{
	const char *value = getenv(name);
	return value ? value : fallback;
}

static int fail(const struct err *err)
{
	fprintf(stderr, "moyaid: %s\n", err->text);
	return 1;
}

/* ---- the daemon ---- */

struct daemon {
	const char *dir;
	struct server *server;
	int64_t looked_ms;
	uint64_t stamp;	  /* of site.git's last revision, when it was looked at last */
	uint64_t applied; /* of the applied one */
	bool ready;
};

static void look_at_applied(struct daemon *daemon, int64_t now_ms)
{
	uint64_t stamp = store_stamp(daemon->dir, STORE_APPLIED);
	if (stamp == daemon->applied)
		return;
	daemon->applied = stamp;
	log_line("another revision was applied; nodes that came back meanwhile get it, too");
	queue_outdated(&daemon->server->queue, now_ms);
}

/* It lives; and whether somebody pushed. Not in every turn: systemd has to read each word. */
static void turn(void *context, int64_t now_ms)
{
	struct daemon *daemon = context;
	struct err err = ERR_INIT;
	bool changed;
	if (daemon->ready && now_ms - daemon->looked_ms < LOOK_EVERY_MS)
		return;
	if (!daemon->ready)
		notify("READY=1");
	daemon->ready = true;
	daemon->looked_ms = now_ms;
	notify("WATCHDOG=1");
	look_at_applied(daemon, now_ms);
	uint64_t stamp = store_stamp(daemon->dir, STORE_MAIN);
	if (stamp == daemon->stamp)
		return;
	daemon->stamp = stamp;
	if (store_checkout(daemon->dir, STORE_MAIN, &changed, &err) != 0)
		log_line("site.git: %s", err.text);
	else if (changed)
		log_line("another revision of the site is there");
}

static int read_site(const char *dir, const char *share, struct site *site, struct err *err)
{
	struct mistakes mistakes = MISTAKES_INIT;
	if (site_read(dir, share, site, &mistakes, err) != 0)
		return -1;
	if (mistakes.count == 0)
		return 0;
	AUTO_STR struct str text = STR_INIT;
	mistakes_sort(&mistakes, &site->files);
	mistakes_print(&mistakes, &text);
	mistakes_free(&mistakes);
	site_free(site);
	return err_set(err, "the site has mistakes:\n%s", str_text(&text));
}

/* The manager that starts from its own disk is never seen to boot. */
static void say_ready(struct server *server)
{
	struct boot_node *self = boot_find_address(&server->boot, server->address);
	if (self)
		boot_advance(&server->boot, self, BOOT_READY, 0, NULL, server_now_ms());
}

/*
 * The last revision; where it cannot be had, what was served last; where that has mistakes, the
 * one that a person applied: whoever pushed something wrong must not find, after a power cut, that
 * nothing boots any more.
 */
static int open_site(const char *dir, const char *site_dir, const char *share, struct site *site,
		     struct err *err)
{
	struct err why = ERR_INIT;
	bool changed;
	AUTO_FREE char *git = xasprintf("%s/site.git", dir);
	if (!file_exists(git) && !file_exists(site_dir))
		return err_set(err, "there is no site in %s; moyai bootstrap brings it", git);
	if (store_checkout(dir, STORE_MAIN, &changed, &why) != 0)
		log_line("site.git: %s; what was served last is served on", why.text);
	if (read_site(site_dir, share, site, &why) == 0)
		return 0;
	log_line("%s", why.text);
	if (store_checkout(dir, STORE_APPLIED, &changed, err) != 0 ||
	    read_site(site_dir, share, site, err) != 0)
		return -1;
	log_line("%s is served in its place", STORE_APPLIED);
	return 0;
}

static int serve(const struct layout *layout)
{
	struct server server;
	struct daemon daemon = { .dir = layout->dir, .server = &server };
	struct site site = { 0 };
	struct err err = ERR_INIT;
	AUTO_FREE char *site_dir = xasprintf("%s/site", layout->dir);
	AUTO_FREE char *git = xasprintf("%s/site.git", layout->dir);
	AUTO_FREE char *state = xasprintf("%s/state", layout->dir);
	AUTO_FREE char *images = xasprintf("%s/images", layout->dir);
	AUTO_FREE char *logs = xasprintf("%s/log", layout->dir);
	AUTO_FREE char *log_path = xasprintf("%s/unattended.jsonl", logs);
	const struct applier_options apply = { .moyai = layout->moyai,
					       .site_dir = git,
					       .revision = STORE_APPLIED,
					       .state_dir = state,
					       .images_dir = images,
					       .log_path = log_path };
	const struct server_options options = { .site_dir = site_dir,
						.share_dir = layout->share,
						.images_dir = images,
						.state_dir = state,
						.apply = &apply,
						.turn = turn,
						.context = &daemon };
	setvbuf(stderr, NULL, _IOLBF, 0);
	daemon.stamp = store_stamp(layout->dir, STORE_MAIN);
	daemon.applied = store_stamp(layout->dir, STORE_APPLIED);
	if (file_make_dirs(logs, 0700, &err) != 0 ||
	    open_site(layout->dir, site_dir, layout->share, &site, &err) != 0 ||
	    server_start(&options, &site, &server, &err) != 0)
		return fail(&err);
	say_ready(&server);
	log_line("boot server at %s on %s, %zu nodes", server.url, server.interface,
		 server.site.node_count);
	int rc = server_run(&server, &err);
	notify("STOPPING=1");
	server_stop(&server);
	return rc == 0 ? 0 : fail(&err);
}

/* ---- over ssh ---- */

/* One at a time: they share the folders they work in. Closing lets go; -1. Held only while there is
   work to do, never while the other end of the wire is waited for: it may be gone. */
static int lock(const char *dir, struct err *err)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && flock(fd, LOCK_EX) == 0)
		return fd;
	err_set_errno(err, errno, "%s", dir);
	if (fd >= 0)
		close(fd);
	return -1;
}

static int copy(int from, int to, struct err *err)
{
	char chunk[65536];
	for (;;) {
		struct pollfd event = { .fd = from, .events = POLLIN };
		if (poll(&event, 1, SILENCE_MS) == 0)
			return err_set(err, "nothing came for %d s", SILENCE_MS / 1000);
		ssize_t got = read(from, chunk, sizeof(chunk));
		if (got == 0)
			return 0;
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set_errno(err, errno, "read");
		if (file_write_all(to, chunk, (size_t)got, err) != 0)
			return -1;
	}
}

/* A file that only we can read, and that goes with us. */
static int open_unnamed(const char *dir, struct err *err)
{
	AUTO_FREE char *file = xasprintf("%s/.archive-XXXXXX", dir);
	if (file_make_dirs(dir, 0700, err) != 0)
		return -1;
	int fd = mkostemp(file, O_CLOEXEC);
	if (fd < 0)
		return err_set_errno(err, errno, "%s", file);
	unlink(file);
	return fd;
}

typedef int archive_work(const char *dir, const char *file, struct err *err);

static int import_site(const char *dir, const char *file, struct err *err)
{
	return store_unpack(dir, file, false, err);
}

static int import_applied(const char *dir, const char *file, struct err *err)
{
	return store_unpack(dir, file, true, err);
}

/* An archive from stdin. */
static int take(const struct layout *layout, archive_work *work)
{
	struct err err = ERR_INIT;
	AUTO_CLOSE int fd = open_unnamed(layout->dir, &err);
	if (fd < 0 || copy(STDIN_FILENO, fd, &err) != 0)
		return fail(&err);
	AUTO_FREE char *file = xasprintf("/proc/%ld/fd/%d", (long)getpid(), fd);
	AUTO_CLOSE int held = lock(layout->dir, &err);
	return held >= 0 && work(layout->dir, file, &err) == 0 ? 0 : fail(&err);
}

/* What was packed, open for reading, and under no name any more; -1. */
static int pack(const struct layout *layout, struct err *err)
{
	AUTO_FREE char *git = xasprintf("%s/site.git", layout->dir);
	AUTO_FREE char *state = xasprintf("%s/state", layout->dir);
	AUTO_FREE char *file = xasprintf("%s/.archive", layout->dir);
	AUTO_CLOSE int held = lock(layout->dir, err);
	if (held < 0)
		return -1;
	int fd = -1;
	if (store_pack(git, NULL, state, file, err) == 0 &&
	    (fd = open(file, O_RDONLY | O_CLOEXEC)) < 0)
		err_set_errno(err, errno, "%s", file);
	unlink(file);
	return fd;
}

static int export_archive(const struct layout *layout)
{
	struct err err = ERR_INIT;
	AUTO_CLOSE int fd = pack(layout, &err);
	return fd >= 0 && copy(fd, STDOUT_FILENO, &err) == 0 ? 0 : fail(&err);
}

static int view(const struct layout *layout)
{
	struct err err = ERR_INIT;
	return store_view(layout->dir, &err) == 0 ? 0 : fail(&err);
}

/* One log of all applies, whoever did them. */
static int take_applies(const struct layout *layout, bool tell)
{
	struct err err = ERR_INIT;
	AUTO_FREE char *state = xasprintf("%s/state", layout->dir);
	AUTO_STR struct str lines = STR_INIT;
	AUTO_STR struct str all = STR_INIT;
	if (file_read("/dev/stdin", APPLIES_TOLD_MAX_BYTES, &lines, &err) != 0)
		return fail(&err);
	AUTO_CLOSE int held = lock(layout->dir, &err);
	if (held < 0 || applies_add(state, str_text(&lines), lines.length, &err) != 0 ||
	    (tell && applies_read(state, &all, &err) != 0))
		return fail(&err);
	return file_write_all(STDOUT_FILENO, str_text(&all), all.length, &err) == 0 ? 0
										    : fail(&err);
}

/* ---- journals ---- */

static char *journal_dir(const struct layout *layout)
{
	return xasprintf("%s/log/journal", layout->dir);
}

static int take_journals(const struct layout *layout)
{
	struct err err = ERR_INIT;
	AUTO_FREE char *site_dir = xasprintf("%s/site", layout->dir);
	AUTO_FREE char *state = xasprintf("%s/state", layout->dir);
	AUTO_FREE char *journals = journal_dir(layout);
	const struct journal_options options = { .site_dir = site_dir,
						 .share_dir = layout->share,
						 .state_dir = state,
						 .journal_dir = journals };
	setvbuf(stderr, NULL, _IOLBF, 0);
	return journal_serve(&options, &err) == 0 ? 0 : fail(&err);
}

/* Becomes journalctl. */
static int show_journals(const struct layout *layout)
{
	struct err err = ERR_INIT;
	struct journal_query query;
	AUTO_STR struct str text = STR_INIT;
	AUTO_LIST struct text_list words = TEXT_LIST_INIT;
	AUTO_FREE char *journals = journal_dir(layout);
	if (file_read("/dev/stdin", QUERY_MAX_BYTES, &text, &err) != 0 ||
	    journal_query_parse(str_text(&text), text.length, &query, &err) != 0 ||
	    file_make_dirs(journals, 0700, &err) != 0)
		return fail(&err);
	journal_query_words(&query, journals, &words);
	journal_query_free(&query);
	char **argv = xcalloc(words.count + 1, sizeof(*argv));
	memcpy(argv, words.items, words.count * sizeof(*argv));
	execvp(argv[0], argv);
	err_set_errno(&err, errno, "%s", argv[0]);
	free(argv);
	return fail(&err);
}

int main(int argc, char **argv)
{
	const struct layout layout = { .dir = variable("MOYAI_MANAGER_DIR", STORE_DIR),
				       .share = variable("MOYAI_SHARE", "/usr/share/moyai"),
				       .moyai = variable("MOYAI_PROGRAM", "/usr/bin/moyai") };
	umask(077);
	if (argc == 1)
		return serve(&layout);
	if (argc == 2 && strcmp(argv[1], "import") == 0)
		return take(&layout, import_site);
	if (argc == 3 && strcmp(argv[1], "import") == 0 && strcmp(argv[2], "applied") == 0)
		return take(&layout, import_applied);
	if (argc == 2 && strcmp(argv[1], "keep") == 0)
		return take(&layout, store_keep);
	if (argc == 2 && strcmp(argv[1], "export") == 0)
		return export_archive(&layout);
	if (argc == 2 && strcmp(argv[1], "applies") == 0)
		return take_applies(&layout, true);
	if (argc == 3 && strcmp(argv[1], "applies") == 0 && strcmp(argv[2], "add") == 0)
		return take_applies(&layout, false);
	if (argc == 2 && strcmp(argv[1], "view") == 0)
		return view(&layout);
	if (argc == 2 && strcmp(argv[1], "journal") == 0)
		return take_journals(&layout);
	if (argc == 2 && strcmp(argv[1], "logs") == 0)
		return show_journals(&layout);
	fputs("usage: moyaid [import [applied] | export | keep | applies [add] | view | journal | "
	      "logs]\n",
	      stderr);
	return 2;
}
