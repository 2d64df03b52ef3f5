/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WIRE_PEER_H
#define WIRE_PEER_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include "base/file.h"
#include "remote/protocol.h"
/*
 * The moyai side of a conversation with a real moyai-node (with the test
 * kinds) behind pipes, in place of ssh. Whatever goes wrong in here fails the
 * running cmocka test.
 */
struct machine {
	char *dir;   /* temporary: state/ is the machine, run/ its run directory */
	char *state; /* MOYAI_WIRE_DIR */
	char *run;   /* MOYAI_RUN_DIR */
	char build[HASH_HEX_SIZE];
};
/* argv[0] of the test says where moyai-node-wire is: beside it. */
void machine_program(const char *argv0);
const char *machine_program_path(void);
void machine_start(struct machine *machine);
void machine_end(struct machine *machine);
/* sha256 over names and contents of all that is under state/. */
void machine_hash(const struct machine *machine, char hex[HASH_HEX_SIZE]);
/* Back to nothing. */
void machine_clear(const struct machine *machine);
/* What a resource's file holds; "(none)" when it is not there. */
const char *machine_file(const struct machine *machine, const char *kind, const char *id,
			 const char *file);
void machine_write(const struct machine *machine, const char *kind, const char *id,
		   const char *file, const char *text);

struct start {
	const char *verb;
	const char *build;	 /* NULL: its own */
	long crash_at;		 /* 0: never */
	const char *points_file; /* NULL: none */
	long run_dir_bytes;	 /* size of a file system for the run directory; 0: none */
};
struct peer {
	pid_t pid;
	int in, out, error;
	struct line_reader reader;
};
void peer_start(struct peer *peer, const struct machine *machine, const struct start *start);
/* Broken pipes are fine: the other side may have had enough. */
void peer_write(struct peer *peer, const void *bytes, size_t length);
void peer_end_input(struct peer *peer);
/* The next message, which must be there and be of this type. */
void peer_expect(struct peer *peer, enum message_type type, struct message *message);
/* The exit code, 128 + signal; everything is closed. */
int peer_wait(struct peer *peer);

/* All that came until the end of file. */
struct answer {
	struct message *items;
	size_t count;
	struct str raw;
	char problem[2048]; /* a line that could not be decoded, a cut stream; or "" */
	struct str stderr_text;
	int exit_code;
};
void ask(const struct machine *machine, const struct start *start, const void *input, size_t length,
	 struct answer *answer);
void answer_free(struct answer *answer);
/* The last message; NULL when nothing came. */
const struct message *answer_last(const struct answer *answer);
const struct message *answer_step(const struct answer *answer, const char *kind, const char *id);
size_t answer_count(const struct answer *answer, enum message_type type);

/* Slice lines: lists as JSON. wants_json: [{"kind":…,"fields":{…}}, …] */
void slice_line(struct str *line, const char *wants_json, const char *may_lose_json,
		const char *consent_json);
/* A plan that must succeed. */
void plan_of(const struct machine *machine, const struct str *slice, struct answer *plan);
/* Slice, a go for each step that is not refused, end. */
void apply_input(const struct str *slice, const struct answer *plan, struct str *input);
/* Plan, apply, and plan again: which must have no step. */
void converge(const struct machine *machine, const struct str *slice);
#endif
