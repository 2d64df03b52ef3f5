/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/wire/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char program[PATH_MAX];
static char program_build[HASH_HEX_SIZE];

void machine_program(const char *argv0)
{
	const char *slash = strrchr(argv0, '/');
	int length = slash ? (int)(slash - argv0) : 1;
	snprintf(program, sizeof(program), "%.*s/moyai-node-wire", length, slash ? argv0 : ".");
	struct err err = ERR_INIT;
	if (hash_file_hex(program, program_build, &err) != 0) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	/* Nothing here takes that long; a test that hangs must not hang the others. */
	alarm(600);
	signal(SIGPIPE, SIG_IGN);
}

const char *machine_program_path(void)
{
	return program;
}

void machine_start(struct machine *machine)
{
	/* In memory: every write to the machine is synced, thousands of times. */
	const char *tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	machine->dir = xasprintf("%s/moyai-wire-XXXXXX", tmp);
	assert_non_null(mkdtemp(machine->dir));
	machine->state = xasprintf("%s/state", machine->dir);
	machine->run = xasprintf("%s/run", machine->dir);
	memcpy(machine->build, program_build, sizeof(machine->build));
	assert_int_equal(mkdir(machine->state, 0700), 0);
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
	(void)info;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_tree(const char *dir)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void machine_end(struct machine *machine)
{
	remove_tree(machine->dir);
	free(machine->dir);
	free(machine->state);
	free(machine->run);
}

void machine_clear(const struct machine *machine)
{
	remove_tree(machine->state);
	assert_int_equal(mkdir(machine->state, 0700), 0);
}

static void hash_tree(const char *dir, struct str *out)
{
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	assert_int_equal(file_list_dir(dir, &names, NULL), 0);
	for (size_t i = 0; i < names.count; i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", dir, names.items[i]);
		struct stat info;
		assert_int_equal(lstat(path, &info), 0);
		str_addf(out, "%zu:%s=", strlen(names.items[i]), names.items[i]);
		if (S_ISDIR(info.st_mode)) {
			str_add(out, "(");
			hash_tree(path, out);
			str_add(out, ")");
		} else {
			str_addf(out, "%lld:", (long long)info.st_size);
			assert_int_equal(file_read(path, 1 << 24, out, NULL), 0);
		}
	}
}

void machine_hash(const struct machine *machine, char hex[HASH_HEX_SIZE])
{
	AUTO_STR struct str all = STR_INIT;
	hash_tree(machine->state, &all);
	assert_int_equal(hash_bytes_hex(str_text(&all), all.length, hex, NULL), 0);
}

static char *resource_file(const struct machine *machine, const char *kind, const char *id,
			   const char *file)
{
	AUTO_FREE char *hex = xcalloc(strlen(id) + 1, 2);
	hash_hex((const uint8_t *)id, strlen(id), hex);
	return xasprintf("%s/%s/%s/%s", machine->state, kind, hex, file);
}

const char *machine_file(const struct machine *machine, const char *kind, const char *id,
			 const char *file)
{
	static struct str text;
	AUTO_FREE char *path = resource_file(machine, kind, id, file);
	str_clear(&text);
	if (file_read(path, 1 << 24, &text, NULL) != 0)
		return "(none)";
	return str_text(&text);
}

void machine_write(const struct machine *machine, const char *kind, const char *id,
		   const char *file, const char *text)
{
	AUTO_FREE char *path = resource_file(machine, kind, id, file);
	AUTO_FREE char *dir = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	assert_int_equal(file_make_dirs(dir, 0700, NULL), 0);
	assert_int_equal(file_write(path, text, strlen(text), 0600, NULL), 0);
}

static void child(const struct machine *machine, const struct start *start, const int *in,
		  const int *out, const int *error)
{
	AUTO_FREE char *crash = xasprintf("%ld", start->crash_at);
	dup2(in[0], 0);
	dup2(out[1], 1);
	dup2(error[1], 2);
	close_range(3, ~0U, 0); /* as sshd starts it */
	signal(SIGPIPE, SIG_DFL);
	setenv("MOYAI_WIRE_DIR", machine->state, 1);
	setenv("MOYAI_RUN_DIR", machine->run, 1);
	if (start->crash_at)
		setenv("MOYAI_CRASH_AT", crash, 1);
	if (start->points_file)
		setenv("MOYAI_POINTS_FILE", start->points_file, 1);
	if (start->run_dir_bytes) {
		AUTO_FREE char *size = xasprintf("size=%ld", start->run_dir_bytes);
		file_make_dirs(machine->run, 0700, NULL);
		if (unshare(CLONE_NEWNS) != 0 ||
		    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
		    mount("tmpfs", machine->run, "tmpfs", 0, size) != 0)
			_exit(77);
	}
	execl(program, program, start->build ? start->build : machine->build, start->verb,
	      (char *)NULL);
	_exit(71);
}

void peer_start(struct peer *peer, const struct machine *machine, const struct start *start)
{
	int in[2];
	int out[2];
	int error[2];
	*peer = (struct peer){ .reader = LINE_READER_INIT };
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(pipe2(error, O_CLOEXEC), 0);
	peer->pid = fork();
	assert_true(peer->pid >= 0);
	if (peer->pid == 0)
		child(machine, start, in, out, error);
	close(in[0]);
	close(out[1]);
	close(error[1]);
	peer->in = in[1];
	peer->out = out[0];
	peer->error = error[0];
}

void peer_write(struct peer *peer, const void *bytes, size_t length)
{
	struct err err = ERR_INIT;
	if (file_write_all(peer->in, bytes, length, &err) != 0 && errno != EPIPE)
		fail_msg("%s", err.text);
}

void peer_end_input(struct peer *peer)
{
	if (peer->in >= 0)
		close(peer->in);
	peer->in = -1;
}

void peer_expect(struct peer *peer, enum message_type type, struct message *message)
{
	struct err err = ERR_INIT;
	char *line;
	size_t length;
	int rc = line_read(&peer->reader, peer->out, &line, &length, &err);
	if (rc != 1)
		fail_msg("expected %s: %s", message_type_text(type), rc ? err.text : "the end");
	if (message_decode(line, length, message, &err) != 0)
		fail_msg("expected %s: %s", message_type_text(type), err.text);
	if (message->type != type)
		fail_msg("expected %s: %s", message_type_text(type), line);
}

int peer_wait(struct peer *peer)
{
	int status = 0;
	peer_end_input(peer);
	if (peer->out >= 0)
		close(peer->out);
	close(peer->error);
	line_reader_free(&peer->reader);
	while (waitpid(peer->pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Write all of the input and read both outputs to their ends, at the same time. */
static void pump(struct peer *peer, const char *input, size_t length, struct answer *answer)
{
	struct str *sinks[2] = { &answer->raw, &answer->stderr_text };
	int sources[2] = { peer->out, peer->error };
	bool open[2] = { true, true };
	fcntl(peer->in, F_SETFL, O_NONBLOCK);
	while (open[0] || open[1]) {
		struct pollfd polls[3] = {
			{ .fd = open[0] ? sources[0] : -1, .events = POLLIN },
			{ .fd = open[1] ? sources[1] : -1, .events = POLLIN },
			{ .fd = peer->in, .events = POLLOUT },
		};
		assert_true(poll(polls, 3, -1) > 0);
		if (polls[2].revents) {
			ssize_t put = write(peer->in, input, length);
			if (put > 0) {
				input += put;
				length -= (size_t)put;
			}
			if (length == 0 || (put < 0 && errno != EAGAIN))
				peer_end_input(peer);
		}
		for (int i = 0; i < 2; i++) {
			char chunk[65536];
			if (!polls[i].revents)
				continue;
			ssize_t got = read(sources[i], chunk, sizeof(chunk));
			if (got > 0)
				str_add_bytes(sinks[i], chunk, (size_t)got);
			else
				open[i] = false;
		}
	}
}

static void decode_all(struct answer *answer)
{
	struct line_reader reader = LINE_READER_INIT;
	struct err err = ERR_INIT;
	char *line;
	size_t length;
	line_feed(&reader, str_text(&answer->raw), answer->raw.length);
	while (line_next(&reader, &line, &length, &err) == 1) {
		struct message message;
		if (message_decode(line, length, &message, &err) != 0)
			break;
		answer->items = xrealloc(answer->items, answer->count + 1, sizeof(message));
		answer->items[answer->count++] = message;
	}
	if (err.text[0] == '\0')
		line_end(&reader, &err);
	memcpy(answer->problem, err.text, sizeof(err.text));
	line_reader_free(&reader);
}

void ask(const struct machine *machine, const struct start *start, const void *input, size_t length,
	 struct answer *answer)
{
	struct peer peer;
	*answer = (struct answer){ 0 };
	peer_start(&peer, machine, start);
	pump(&peer, input, length, answer);
	answer->exit_code = peer_wait(&peer);
	decode_all(answer);
}

void answer_free(struct answer *answer)
{
	for (size_t i = 0; i < answer->count; i++)
		message_free(&answer->items[i]);
	free(answer->items);
	str_free(&answer->raw);
	str_free(&answer->stderr_text);
	*answer = (struct answer){ 0 };
}

const struct message *answer_last(const struct answer *answer)
{
	return answer->count ? &answer->items[answer->count - 1] : NULL;
}

const struct message *answer_step(const struct answer *answer, const char *kind, const char *id)
{
	for (size_t i = 0; i < answer->count; i++) {
		const struct message *message = &answer->items[i];
		if (message->type == MESSAGE_STEP && text_equal(message->step.kind, kind) &&
		    text_equal(message->step.id, id))
			return message;
	}
	return NULL;
}

size_t answer_count(const struct answer *answer, enum message_type type)
{
	size_t count = 0;
	for (size_t i = 0; i < answer->count; i++)
		count += answer->items[i].type == type;
	return count;
}

void slice_line(struct str *line, const char *wants_json, const char *may_lose_json,
		const char *consent_json)
{
	str_addf(line,
		 "{\"slice\":{\"site\":\"demo\",\"node\":\"store1\",\"wants\":%s,"
		 "\"may_lose\":%s,\"consent\":%s}}\n",
		 wants_json, may_lose_json, consent_json);
}

void plan_of(const struct machine *machine, const struct str *slice, struct answer *plan)
{
	ask(machine, &(struct start){ .verb = "plan" }, slice->data, slice->length, plan);
	const struct message *last = answer_last(plan);
	assert_string_equal(plan->problem, "");
	assert_non_null(last);
	if (last->type != MESSAGE_DONE)
		fail_msg("plan: %s", last->error);
	assert_string_equal(str_text(&plan->stderr_text), "");
	assert_int_equal(plan->exit_code, 0);
}

void apply_input(const struct str *slice, const struct answer *plan, struct str *input)
{
	str_add(input, str_text(slice));
	for (size_t i = 0; i < plan->count; i++) {
		const struct remote_step *step = &plan->items[i].step;
		if (plan->items[i].type == MESSAGE_STEP && step->refused == NULL)
			request_go(input, step->kind, step->id, step->digest);
	}
	request_end(input);
}

void converge(const struct machine *machine, const struct str *slice)
{
	AUTO_STR struct str input = STR_INIT;
	struct answer answer;
	plan_of(machine, slice, &answer);
	if (answer.count > 2) {
		apply_input(slice, &answer, &input);
		answer_free(&answer);
		ask(machine, &(struct start){ .verb = "apply" }, input.data, input.length, &answer);
		assert_string_equal(answer.problem, "");
		for (size_t i = 0; i < answer.count; i++) {
			const struct message *message = &answer.items[i];
			if (message->type == MESSAGE_FAILED || message->type == MESSAGE_ERROR)
				fail_msg("apply: %s %s: %s", message->kind ? message->kind : "",
					 message->id ? message->id : "", message->error);
		}
		assert_int_equal(answer.exit_code, 0);
		assert_int_equal(answer_last(&answer)->type, MESSAGE_DONE);
		answer_free(&answer);
		plan_of(machine, slice, &answer);
	}
	assert_int_equal(answer_count(&answer, MESSAGE_STEP), 0);
	answer_free(&answer);
}
