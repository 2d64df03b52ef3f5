/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The cluster manager takes over: docs/manager.md, "moyai bootstrap". */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/run.h"
#include "daemon/boot_file.h"
#include "daemon/server.h"
#include "power/power.h"
#include "programs/command.h"
#include "programs/interrupt.h"
#include "programs/reach.h"
#include "programs/stale.h"

enum {
	LOOK_EVERY_MS = 1000,
	CALL_TIMEOUT_MS = 30000,
	/* In software emulation, from a restart to a boot server that answers. */
	RESTART_PATIENCE_S = 600,
};

static const char INTERRUPTED[] = "\ninterrupted\n";

struct bootstrap {
	const struct options *options;
	struct reach reach;
	const struct site_node *node; /* the manager; borrowed from the site */
	const char *address;	      /* its, on the boot network */
	char *state_dir;
	const bool *stop;
	pid_t server; /* our boot service; 0: it does not run */
	bool again;   /* it has taken over before: it gets the images and site that are here */
};

static bool stopped(const struct bootstrap *self)
{
	return __atomic_load_n(self->stop, __ATOMIC_ACQUIRE);
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

static void say(const struct bootstrap *self, const char *text)
{
	fprintf(stderr, "%-12s %s\n", self->node->name, text);
}

/* ---- 1. what has to be there ---- */

static int git(const char *dir, struct str *out, const char *a, const char *b, struct err *err)
{
	return run_ok(&(struct run){ .argv = RUN_ARGV("git", "-C", dir, a, b), .reads_only = 1 },
		      out, err);
}

/* The site as a repository of its own, without anything that is not committed. */
static int check_repository(const char *dir, struct err *err)
{
	AUTO_STR struct str top = STR_INIT;
	AUTO_STR struct str changes = STR_INIT;
	AUTO_FREE char *real = realpath(dir, NULL);
	if (git(dir, &top, "rev-parse", "--show-toplevel", err) != 0)
		return err_set(err,
			       "%s is not a git repository; the manager keeps the site as one: git "
			       "-C %s init && git -C %s add -A && git -C %s commit",
			       dir, dir, dir, dir);
	top.data[strcspn(top.data, "\n")] = '\0';
	if (!text_equal(str_text(&top), real))
		return err_set(err,
			       "%s is a part of the repository %s; the manager keeps the site "
			       "alone, so it has to be a repository of its own",
			       dir, str_text(&top));
	if (git(dir, NULL, "rev-parse", "HEAD", err) != 0)
		return err_set(err, "%s has no commit yet; commit the site", dir);
	if (git(dir, &changes, "status", "--porcelain", err) != 0)
		return -1;
	if (changes.length > 0)
		return err_set(err,
			       "%s has changes that are not committed (git -C %s status); commit "
			       "them: the manager gets the last commit",
			       dir, dir);
	return 0;
}

static int check_images(const struct bootstrap *self, const struct site *site, struct err *err)
{
	struct image_set images;
	image_set_read(self->options->images_dir, site, &images);
	int rc = images.missing ? err_set(err, "%s", images.missing) : 0;
	image_set_free(&images);
	return rc;
}

/* ---- 2. the boot service, for the manager alone ---- */

/* In the child: until it is ended. What it says is kept beside the state. */
static void serve(const struct bootstrap *self, struct site *site, int report)
{
	AUTO_FREE char *log = xasprintf("%s/bootstrap.log", self->state_dir);
	struct server server;
	struct err err = ERR_INIT;
	const struct server_options options = { .site_dir = self->options->site_dir,
						.share_dir = self->options->share_dir,
						.images_dir = self->options->images_dir,
						.state_dir = self->state_dir,
						.only = self->node->name };
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd >= 0)
		dup2(fd, 2);
	/* Ctrl-C is for the one who waits: it ends us. */
	setpgid(0, 0);
	if (server_start(&options, site, &server, &err) != 0) {
		file_write_all(report, err.text, strlen(err.text), NULL);
		_exit(1);
	}
	close(report);
	server_run(&server, &err);
	server_stop(&server);
	_exit(0);
}

static int serve_begin(struct bootstrap *self, struct site *site, struct err *err)
{
	AUTO_STR struct str text = STR_INIT;
	int report[2];
	char chunk[512];
	ssize_t got;
	if (pipe2(report, O_CLOEXEC) != 0)
		return err_set_errno(err, errno, "pipe");
	self->server = fork();
	if (self->server == 0)
		serve(self, site, report[1]);
	close(report[1]);
	/* It closes its end when it serves. */
	while ((got = read(report[0], chunk, sizeof(chunk))) > 0)
		str_add_bytes(&text, chunk, (size_t)got);
	close(report[0]);
	if (text.length == 0 && self->server > 0)
		return 0;
	if (self->server > 0)
		waitpid(self->server, NULL, 0);
	self->server = 0;
	return err_set(err, "%s", text.length ? str_text(&text) : "fork failed");
}

static void serve_end(struct bootstrap *self)
{
	if (self->server == 0)
		return;
	kill(self->server, SIGTERM);
	waitpid(self->server, NULL, 0);
	self->server = 0;
}

/* ---- the manager, over ssh ---- */

static int call(const struct bootstrap *self, const char *const *words, struct str *out,
		struct err *err)
{
	const struct takeover_call one = { .words = words,
					   .timeout_ms = CALL_TIMEOUT_MS,
					   .stop = self->stop };
	return takeover_run(&self->reach.remote.ssh, self->node->name, self->address, &one, out,
			    err);
}
#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

enum where { NOWHERE, IN_MEMORY, ON_DISK };
static enum where where_is_it(const struct bootstrap *self)
{
	AUTO_STR struct str text = STR_INIT;
	if (call(self, WORDS("cat", "/proc/cmdline"), &text, NULL) != 0)
		return NOWHERE;
	return strstr(str_text(&text), " moyai.slot=") ? ON_DISK : IN_MEMORY;
}

/* What was not shown yet; quiet: all that is there counts as shown. */
static void show_stage(const struct bootstrap *self, bool quiet, struct boot_record *shown)
{
	AUTO_FREE char *dir = xasprintf("%s/boot", self->state_dir);
	struct boot_node node = { .name = self->node->name, .mac = self->node->mac };
	boot_file_read(dir, &node);
	const struct boot_record *now = &node.now;
	if (now->stage != shown->stage || now->percent >= shown->percent + 10 ||
	    strcmp(now->id, shown->id) != 0) {
		if (quiet)
			;
		else if (now->stage == BOOT_FAILED)
			fprintf(stderr, "%-12s failed: %s\n", node.name,
				now->error ? now->error : "");
		else if (now->stage == BOOT_IMAGE)
			fprintf(stderr, "%-12s image %u %%\n", node.name, now->percent);
		else if (now->stage != BOOT_NONE)
			fprintf(stderr, "%-12s %s\n", node.name, boot_stage_name(now->stage));
		shown->stage = now->stage;
		shown->percent = now->percent;
		memcpy(shown->id, now->id, sizeof(shown->id));
	}
	boot_record_free(&node.now);
	free(node.refused);
}

/* By its BMC, where it has one that can be asked; else whoever stands before it. */
static void switch_on(const struct bootstrap *self)
{
	const struct site_node *node = self->node;
	struct err err = ERR_INIT;
	bool changed;
	if (node->bmc.type != NULL && power_switch_on(self->state_dir, node, &changed, &err) == 0) {
		if (changed)
			say(self, "is switched on, by its BMC");
		else
			fprintf(stderr,
				"%-12s does not answer, and its BMC says that it is on: wait, or "
				"start "
				"it anew with moyai power cycle %s\n",
				node->name, node->name);
		return;
	}
	if (node->bmc.type != NULL)
		say(self, err.text);
	fprintf(stderr,
		"%-12s does not answer: switch it on now (MAC %s). Let its firmware start from "
		"the disk first, and from the network when the disk is empty\n",
		node->name, node->mac);
}

/* Until it answers with its pinned key. */
static int wait_for_it(const struct bootstrap *self, enum where *where, struct err *err)
{
	struct boot_record shown = { 0 };
	*where = where_is_it(self);
	if (*where != NOWHERE)
		return 0;
	switch_on(self);
	show_stage(self, true, &shown);
	while (*where == NOWHERE) {
		if (stopped(self))
			return err_set(err, "interrupted");
		pause_ms(LOOK_EVERY_MS);
		show_stage(self, false, &shown);
		if (shown.stage == BOOT_READY || shown.stage == BOOT_NONE)
			*where = where_is_it(self);
	}
	return 0;
}

/* ---- 3. its own resources ---- */

/* By a moyai of its own, which asks and shows progress as it always does. */
static int apply(const struct bootstrap *self, struct err *err)
{
	int status = 0;
	pid_t pid = fork();
	if (pid < 0)
		return err_set_errno(err, errno, "fork");
	if (pid == 0) {
		setenv("MOYAI_IMAGES", self->options->images_dir, 1);
		setenv("MOYAI_SHARE", self->options->share_dir, 1);
		/* Of images, what is built here counts. */
		setenv("MOYAI_TAKEOVER", "ignore", 1);
		execl("/proc/self/exe", "moyai", "-C", self->options->site_dir, "--state",
		      self->state_dir, "--limit", self->node->name, "apply",
		      self->options->yes ? "--yes" : (char *)NULL, (char *)NULL);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return err_set(err, "%s is not as declared yet (see above)", self->node->name);
}

/* ---- 5. from its disk ---- */

static int serves(const struct bootstrap *self)
{
	return call(self, WORDS("systemctl", "is-active", "--quiet", "moyaid.service"), NULL, NULL);
}

/* Until it answers from a slot, with moyaid serving. */
static int wait_for_disk(const struct bootstrap *self, struct err *err)
{
	enum where where = NOWHERE;
	for (long begin_ms = stream_now_ms();
	     stream_now_ms() - begin_ms < RESTART_PATIENCE_S * 1000L;) {
		if (stopped(self))
			return err_set(err, "interrupted");
		where = where_is_it(self);
		if (where == ON_DISK && serves(self) == 0)
			return 0;
		pause_ms(LOOK_EVERY_MS);
	}
	if (where == ON_DISK)
		return err_set(err,
			       "%s runs from its disk, and moyaid does not serve: see "
			       "journalctl -u moyaid there",
			       self->node->name);
	if (where == IN_MEMORY)
		return err_set(err,
			       "%s did not start from its disk, but from the network; let its "
			       "firmware start from the disk first",
			       self->node->name);
	return err_set(err, "%s does not answer %d s after it was restarted from its disk",
		       self->node->name, RESTART_PATIENCE_S);
}

static int restart(const struct bootstrap *self, struct err *err)
{
	struct err lost = ERR_INIT;
	say(self, "restarts from its disk");
	/* The connection may end before the answer. */
	call(self, WORDS("systemctl", "reboot"), NULL, &lost);
	/* It goes down before it can come up. */
	for (int i = 0; i < RESTART_PATIENCE_S && where_is_it(self) == IN_MEMORY; i++) {
		if (stopped(self))
			return err_set(err, "interrupted");
		pause_ms(LOOK_EVERY_MS);
	}
	return 0;
}

/* ---- all of it ---- */

/* The manager refuses at the end what lacks a part of its site; by then its disk would be changed. */
static int check_stale(const struct bootstrap *self, struct err *err)
{
	struct revision revision;
	if (revision_find(self->options->site_dir, NULL, &revision, err) != 0)
		return -1;
	AUTO_FREE char *why =
		stale_why(self->options, &self->reach.takeover, self->state_dir, &revision);
	revision_free(&revision);
	return why ? err_set(err, "nothing was changed: %s", why) : 0;
}

static int take_over(struct bootstrap *self, struct site *site, struct err *err)
{
	enum where where;
	if (serve_begin(self, site, err) != 0)
		return -1;
	/* Now there is a key to log in with, and a site key. */
	if (reach_open(self->options, NULL, INTERRUPTED, &self->reach) != 0)
		return err_set(err, "the site cannot be used");
	progress_close(&self->reach.progress);
	if (check_stale(self, err) != 0)
		return -1;
	if (wait_for_it(self, &where, err) != 0)
		return -1;
	if (apply(self, err) != 0)
		return -1;
	say(self, "gets the site and its keys");
	const struct takeover_site last = { .dir = self->options->site_dir };
	if (takeover_send(&self->reach.remote.ssh, self->node->name, self->address, &last,
			  self->state_dir, self->stop, err) != 0)
		return -1;
	serve_end(self);
	if (where == IN_MEMORY && restart(self, err) != 0)
		return -1;
	/* When it started from its disk, there was nothing to serve yet. */
	if (where == ON_DISK && serves(self) != 0 &&
	    call(self, WORDS("systemctl", "--no-block", "start", "moyaid.service"), NULL, err) != 0)
		return -1;
	if (wait_for_disk(self, err) != 0)
		return -1;
	return self->again ? 0 : takeover_write(self->state_dir, self->node, self->address, err);
}

static int check(struct bootstrap *self, const struct site *site, struct err *err)
{
	self->node = takeover_node(site, err);
	if (self->node == NULL)
		return -1;
	self->address = site_node_boot_address(site, self->node);
	if (check_repository(self->options->site_dir, err) != 0)
		return -1;
	return check_images(self, site, err);
}

static int run(const struct options *options, int argc, char **argv)
{
	struct bootstrap self = { .options = options };
	struct site site;
	struct site copy;
	struct takeover before = { 0 };
	struct err err = ERR_INIT;
	int result = EXIT_ERROR;
	if (argc > 0) {
		err_set(&err, "bootstrap: \"%s\": no argument is expected", argv[0]);
		return command_fail(&err);
	}
	if (!options->yes && !isatty(STDIN_FILENO)) {
		err_set(&err, "bootstrap asks before it changes the manager's disk, and there is "
			      "no terminal; write --yes");
		return command_fail(&err);
	}
	if (command_site(options, &site) != 0)
		return EXIT_ERROR;
	self.state_dir = command_state_dir(options, &site);
	if (self.state_dir == NULL)
		goto out;
	if (takeover_read(self.state_dir, &before, &err) != 0) {
		command_fail(&err);
	} else if (check(&self, &site, &err) != 0 || command_site(options, &copy) != 0) {
		command_fail(&err);
	} else {
		self.again = before.node != NULL;
		self.stop = interrupt_watch(INTERRUPTED);
		if (take_over(&self, &copy, &err) == 0)
			result = EXIT_OK;
		else
			command_fail(&err);
		if (result != EXIT_OK)
			fputs("run moyai bootstrap again: it goes on where it was\n", stderr);
		serve_end(&self);
		site_free(&copy);
		if (result == EXIT_OK && before.node == NULL)
			fprintf(stderr,
				"%s has taken over: it boots the other nodes from now on, and this "
				"machine may be switched off\n",
				self.node->name);
		else if (result == EXIT_OK)
			fprintf(stderr,
				"%s has the images and the site that are here; its own image runs "
				"from its next start on\n",
				self.node->name);
	}
out:
	takeover_free(&before);
	reach_close(&self.reach);
	free(self.state_dir);
	site_free(&site);
	return result;
}

const struct command command_bootstrap = {
	.name = "bootstrap",
	.usage = "",
	.summary = "put the cluster manager on its disk and let it take over",
	.doc = "Serves network boot to the cluster manager alone, puts images, site and keys on "
	       "its disk,\n"
	       "and starts it from there. It can be run again after whatever ended it; run after "
	       "the\n"
	       "take-over, it brings new images and the last commit.",
	.run = run,
	.options = OPTION_YES,
};
