/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conform PROGRAM DIR: takes the resources of DIR through absent, create, keep,
 * change, drift outside, interrupted and remove, with the moyai-node PROGRAM
 * on this machine. Meant for a machine of its own: it needs nothing but
 * moyai-node and what that needs.
 *
 * DIR holds slices as JSON, {"site":…,"node":…,"wants":[…],"may_lose":[…],
 * "consent":[…]}, and commands:
 *   create.json   the resources as they are made first
 *   change.json   the same, changed; may be missing
 *   remove.json   nothing of them, with the consents that this takes
 *   drift         changes something behind our back; may be missing
 *   check STAGE   looks with the system's own tools whether STAGE (create,
 *                 change, remove) is really there; may be missing
 * The commands are executable files. One line per stage: `ok …`, `not ok …`.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/run.h"
#include "remote/protocol.h"

static const char *program;
static const char *dir;
static char build[HASH_HEX_SIZE];
static int failures;

/* What one moyai-node said. */
struct said {
	struct message *items;
	size_t count;
	int exit_code;
};

static void said_free(struct said *said)
{
	for (size_t i = 0; i < said->count; i++)
		message_free(&said->items[i]);
	free(said->items);
	*said = (struct said){ 0 };
}

static void child(const char *verb, long crash_at, const char *points, int in, int out)
{
	AUTO_FREE char *at = xasprintf("%ld", crash_at);
	dup2(in, 0);
	dup2(out, 1);
	if (crash_at)
		setenv("MOYAI_CRASH_AT", at, 1);
	if (points)
		setenv("MOYAI_POINTS_FILE", points, 1);
	execl(program, program, build, verb, (char *)NULL);
	_exit(127);
}

static int listen_all(int out, struct said *said, struct err *err)
{
	struct line_reader reader = LINE_READER_INIT;
	char *line;
	size_t length;
	int rc;
	while ((rc = line_read(&reader, out, &line, &length, err)) == 1) {
		struct message message;
		if (message_decode(line, length, &message, err) != 0) {
			rc = -1;
			break;
		}
		said->items = xrealloc(said->items, said->count + 1, sizeof(message));
		said->items[said->count++] = message;
	}
	line_reader_free(&reader);
	return rc;
}

/* The input is small against a pipe: written at once, then all is read. */
static int talk(const char *verb, const struct str *input, long crash_at, const char *points,
		struct said *said, struct err *err)
{
	int in[2];
	int out[2];
	int status = 0;
	*said = (struct said){ 0 };
	if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
		return err_set_errno(err, errno, "pipe");
	pid_t pid = fork();
	if (pid < 0)
		return err_set_errno(err, errno, "fork");
	if (pid == 0)
		child(verb, crash_at, points, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	int rc = file_write_all(in[1], input->data, input->length, err);
	close(in[1]);
	/* A killed one stops reading and talking anywhere. */
	if (crash_at)
		rc = 0;
	if (listen_all(out[0], said, err) != 0 && !crash_at)
		rc = -1;
	close(out[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	said->exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return rc;
}

static int must_end_well(const struct said *said, struct err *err)
{
	for (size_t i = 0; i < said->count; i++) {
		const struct message *message = &said->items[i];
		if (message->type == MESSAGE_FAILED)
			return err_set(err, "%s %s: %s", message->kind, message->id,
				       message->error);
		if (message->type == MESSAGE_ERROR)
			return err_set(err, "%s", message->error);
		if (message->type == MESSAGE_STEP && message->step.refused)
			return err_set(err, "%s %s is refused: %s", message->step.kind,
				       message->step.id, message->step.refused);
	}
	if (said->count == 0 || said->items[said->count - 1].type != MESSAGE_DONE)
		return err_set(err, "the stream ended early (exit code %d)", said->exit_code);
	return 0;
}

static int slice_of(const char *stage, struct str *line, struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/%s.json", dir, stage);
	AUTO_STR struct str text = STR_INIT;
	json_error_t why;
	if (file_read(path, 1 << 20, &text, err) != 0)
		return -1;
	json_t *json = json_loads(str_text(&text), JSON_REJECT_DUPLICATES, &why);
	if (json == NULL)
		return err_set(err, "%s:%d: %s", path, why.line, why.text);
	AUTO_FREE char *compact = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	str_addf(line, "{\"slice\":%s}\n", compact);
	return 0;
}

/* The number of steps; `input` is what apply is to be told. */
static int plan(const char *stage, struct str *input, size_t *steps, struct err *err)
{
	struct said said = { 0 };
	*steps = 0;
	str_clear(input);
	if (slice_of(stage, input, err) != 0)
		return -1;
	int rc = talk("plan", input, 0, NULL, &said, err);
	if (rc == 0)
		rc = must_end_well(&said, err);
	for (size_t i = 0; rc == 0 && i < said.count; i++) {
		const struct remote_step *step = &said.items[i].step;
		if (said.items[i].type != MESSAGE_STEP)
			continue;
		/* What an earlier step makes or changes is known only after it. */
		request_go(input, step->kind, step->id, *steps == 0 ? step->digest : NULL);
		(*steps)++;
	}
	request_end(input);
	said_free(&said);
	return rc == 0 ? 0 : err_context(err, "plan of %s", stage);
}

static int check(const char *command, const char *stage, struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir, command);
	if (!file_exists(path))
		return 0;
	return run_args(err, path, stage, (char *)NULL);
}

/* Come to the stage from wherever we are; then nothing is left to do. */
static int reach(const char *stage, bool must_differ, const char *points, struct err *err)
{
	AUTO_STR struct str input = STR_INIT;
	struct said said = { 0 };
	size_t steps;
	if (plan(stage, &input, &steps, err) != 0)
		return -1;
	if (must_differ && steps == 0)
		return err_set(err, "plan of %s: no step, but something has to change", stage);
	int rc = talk("apply", &input, 0, points, &said, err);
	if (rc == 0)
		rc = must_end_well(&said, err);
	said_free(&said);
	if (rc != 0)
		return err_context(err, "apply of %s", stage);
	if (plan(stage, &input, &steps, err) != 0)
		return -1;
	if (steps != 0)
		return err_set(err, "%zu steps are left after the apply of %s: %s", steps, stage,
			       strchr(str_text(&input), '\n') + 1);
	return check("check", stage, err);
}

/* By way of nothing: what has grown or is fixed does not go back. */
static int start_from(const char *stage, struct err *err)
{
	if (reach("remove", false, NULL, err) != 0)
		return -1;
	if (strcmp(stage, "remove") != 0 && reach("create", true, NULL, err) != 0)
		return -1;
	return strcmp(stage, "change") == 0 ? reach("change", true, NULL, err) : 0;
}

/* From one stage to another, killed at every point; each time it is reached. */
static int interrupted(const char *from, const char *to, long every, struct err *err)
{
	AUTO_FREE char *points = xasprintf("/tmp/conform-points-%ld", (long)getpid());
	AUTO_STR struct str text = STR_INIT;
	AUTO_STR struct str input = STR_INIT;
	long count = 0;
	size_t steps;
	if (start_from(from, err) != 0 || file_remove(points, err) != 0 ||
	    reach(to, true, points, err) != 0 || file_read(points, 1 << 22, &text, err) != 0 ||
	    file_remove(points, err) != 0)
		return -1;
	for (size_t i = 0; i < text.length; i++)
		count += text.data[i] == '\n';
	for (long at = 1; at <= count; at += every) {
		struct said said = { 0 };
		if (start_from(from, err) != 0 || plan(to, &input, &steps, err) != 0)
			return err_context(err, "before the kill at point %ld", at);
		if (talk("apply", &input, at, NULL, &said, err) != 0)
			return -1;
		int exit_code = said.exit_code;
		said_free(&said);
		if (exit_code != 128 + SIGKILL)
			return err_set(err, "point %ld of %ld was not reached", at, count);
		if (reach(to, false, NULL, err) != 0)
			return err_context(err, "after a kill at point %ld of %ld", at, count);
	}
	printf("# %s: %s to %s killed at %ld of %ld points\n", dir, from, to,
	       (count + every - 1) / every, count);
	return 0;
}

static bool has(const char *name)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir, name);
	return file_exists(path);
}

static void report(const char *stage, int rc, const struct err *err)
{
	const char *slash = strrchr(dir, '/');
	const char *name = slash ? slash + 1 : dir;
	if (rc == 0)
		printf("ok conform %s %s\n", name, stage);
	else
		printf("not ok conform %s %s: %s\n", name, stage, err->text);
	fflush(stdout);
	failures += rc != 0;
}

static int drift(const char *stage, struct err *err)
{
	if (check("drift", stage, err) != 0)
		return -1;
	return reach(stage, true, NULL, err);
}

static int keep(struct err *err)
{
	AUTO_STR struct str input = STR_INIT;
	size_t steps;
	if (plan("create", &input, &steps, err) != 0)
		return -1;
	return steps == 0 ? 0 : err_set(err, "%zu steps though nothing has changed", steps);
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	const char *every_text = getenv("CONFORM_EVERY");
	long every = every_text ? strtol(every_text, NULL, 10) : 1;
	if (argc != 3 || every < 1) {
		fprintf(stderr, "usage: conform PROGRAM DIR   (CONFORM_EVERY=N: kill at every Nth "
				"point)\n");
		return 2;
	}
	program = argv[1];
	dir = argv[2];
	signal(SIGPIPE, SIG_IGN);
	if (hash_file_hex(program, build, &err) != 0) {
		fprintf(stderr, "%s\n", err.text);
		return 2;
	}
	const char *last = has("change.json") ? "change" : "create";
	report("absent", reach("remove", false, NULL, &err), &err);
	report("create", reach("create", true, NULL, &err), &err);
	report("keep", keep(&err), &err);
	if (has("change.json"))
		report("change", reach("change", true, NULL, &err), &err);
	if (has("drift"))
		report("drift", drift(last, &err), &err);
	report("remove", reach("remove", true, NULL, &err), &err);
	report("create-interrupted", interrupted("remove", "create", every, &err), &err);
	if (has("change.json"))
		report("change-interrupted", interrupted("create", "change", every, &err), &err);
	report("remove-interrupted", interrupted(last, "remove", every, &err), &err);
	return failures ? 1 : 0;
}
