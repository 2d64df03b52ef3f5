/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/applier.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

enum {
	LINE_MAX_BYTES = 4 * 1024 * 1024,
	LOG_MAX_BYTES = 8 * 1024 * 1024,
	STOP_PATIENCE_S = 50, /* below TimeoutStopSec of the unit */
};

static struct applier_node *node_of(struct applier *applier, const char *name)
{
	for (size_t i = 0; name && i < applier->count; i++)
		if (strcmp(applier->nodes[i].name, name) == 0)
			return &applier->nodes[i];
	return NULL;
}

static void failed_by(struct applier_node *node, const char *why)
{
	if (node->why == NULL)
		node->why = xstrdup(why ? why : "no reason was given");
}

static void left_out(struct applier_node *node, const char *why)
{
	node->out = true;
	failed_by(node, why);
}

void applier_line(struct applier *applier, const char *line)
{
	json_t *json = json_loads(line, 0, NULL);
	const char *event = json_string_value(json_object_get(json, "event"));
	const char *error = json_string_value(json_object_get(json, "error"));
	const char *refused = json_string_value(json_object_get(json, "refused"));
	struct applier_node *node =
		node_of(applier, json_string_value(json_object_get(json, "node")));
	if (text_equal(event, "applied"))
		applier->finished = true;
	else if (node == NULL)
		; /* of the whole, or of a node that was only looked at */
	else if (text_equal(event, "step") && refused)
		failed_by(node, refused);
	else if (text_equal(event, "step"))
		node->planned++;
	else if (text_equal(event, "ok"))
		node->done++;
	else if (text_equal(event, "failed") || text_equal(event, "lost"))
		failed_by(node, error);
	else if (text_equal(event, "error") || text_equal(event, "maintenance"))
		left_out(node, error ? error : "it is in maintenance");
	json_decref(json);
}

bool applier_told_all(const struct applier *applier)
{
	for (size_t i = 0; i < applier->count; i++)
		if (applier->nodes[i].why == NULL)
			return false;
	return true;
}

void applier_judge(const struct applier *applier, int exit_code, struct text_list *failed)
{
	for (size_t i = 0; i < applier->count; i++) {
		const struct applier_node *node = &applier->nodes[i];
		/* Without its last line nothing is known, whatever else it said. */
		if (!applier->finished || node->out ||
		    (exit_code != 0 && (node->why || node->done < node->planned)))
			text_list_add(failed, node->name);
	}
}

/* Kept in two files, so that it has an end. */
static int open_log(const char *path)
{
	struct stat status;
	if (stat(path, &status) == 0 && status.st_size > LOG_MAX_BYTES) {
		AUTO_FREE char *old = xasprintf("%s.1", path);
		rename(path, old);
	}
	return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

static void child(const struct applier_options *options, const char *limit, int out, int log)
{
	sigset_t none;
	int null = open("/dev/null", O_RDONLY);
	prctl(PR_SET_PDEATHSIG, SIGINT);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	dup2(null, 0);
	dup2(out, 1);
	dup2(log >= 0 ? log : null, 2);
	close_range(3, ~0U, 0);
	setenv("MOYAI_IMAGES", options->images_dir, 1);
	/* In logs and locks: no person is root here. */
	unsetenv("SUDO_USER");
	setenv("USER", "moyaid", 1);
	execlp(options->moyai, "moyai", "-C", options->site_dir, "--state", options->state_dir,
	       "--rev", options->revision, "apply", "--unattended", "--json", "--limit", limit,
	       (char *)NULL);
	_exit(127);
}

int applier_start(struct applier *applier, const struct applier_options *options,
		  const struct text_list *names, int64_t now_ms, struct err *err)
{
	AUTO_STR struct str limit = STR_INIT;
	int out[2];
	for (size_t i = 0; i < names->count; i++)
		str_addf(&limit, "%s%s", i ? "," : "", names->items[i]);
	int log = open_log(options->log_path);
	if (log < 0)
		log_line("%s: %s", options->log_path, strerror(errno));
	if (pipe2(out, O_CLOEXEC) != 0) {
		if (log >= 0)
			close(log);
		return err_set_errno(err, errno, "pipe");
	}
	pid_t pid = fork();
	if (pid == 0)
		child(options, str_text(&limit), out[1], log);
	close(out[1]);
	if (pid < 0) {
		close(out[0]);
		if (log >= 0)
			close(log);
		return err_set_errno(err, errno, "fork");
	}
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	*applier = (struct applier){ .pid = pid, .out = out[0], .log = log, .since_ms = now_ms };
	applier->count = names->count;
	applier->nodes = xcalloc(names->count, sizeof(*applier->nodes));
	for (size_t i = 0; i < names->count; i++)
		applier->nodes[i].name = xstrdup(names->items[i]);
	return 0;
}

static void take_lines(struct applier *applier)
{
	char *end;
	while (applier->line.length > 0 && (end = strchr(applier->line.data, '\n')) != NULL) {
		size_t length = (size_t)(end - applier->line.data) + 1;
		AUTO_FREE char *line = xstrndup(applier->line.data, length - 1);
		if (applier->log >= 0)
			file_write_all(applier->log, applier->line.data, length, NULL);
		applier_line(applier, line);
		memmove(applier->line.data, end + 1, applier->line.length - length + 1);
		applier->line.length -= length;
	}
	if (applier->line.length > LINE_MAX_BYTES)
		str_clear(&applier->line);
}

int applier_read(struct applier *applier, struct text_list *failed)
{
	char chunk[65536];
	ssize_t got;
	int status = 0;
	if (applier->pid == 0)
		return 0;
	while ((got = read(applier->out, chunk, sizeof(chunk))) > 0) {
		str_add_bytes(&applier->line, chunk, (size_t)got);
		take_lines(applier);
	}
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	waitpid(applier->pid, &status, 0);
	applier->pid = 0;
	applier_judge(applier, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
		      failed);
	return 1;
}

void applier_stop(struct applier *applier)
{
	AUTO_LIST struct text_list failed = TEXT_LIST_INIT;
	struct timespec pause = { 0, 50 * 1000 * 1000 };
	if (applier->pid != 0)
		kill(applier->pid, SIGINT);
	for (int i = 0; applier->pid != 0 && i < STOP_PATIENCE_S * 20; i++)
		if (applier_read(applier, &failed) == 0)
			nanosleep(&pause, NULL);
	if (applier->pid != 0) {
		kill(applier->pid, SIGKILL);
		waitpid(applier->pid, NULL, 0);
		applier->pid = 0;
	}
	applier_free(applier);
}

void applier_free(struct applier *applier)
{
	for (size_t i = 0; i < applier->count; i++) {
		free(applier->nodes[i].name);
		free(applier->nodes[i].why);
	}
	free(applier->nodes);
	str_free(&applier->line);
	if (applier->out >= 0)
		close(applier->out);
	if (applier->log >= 0)
		close(applier->log);
	*applier = (struct applier)APPLIER_INIT;
}
