/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * moyai-node BUILD VERB: started over ssh, speaks docs/protocol.md on stdin
 * and stdout, and ends. BUILD is the sha256 of the moyai-node that the other
 * side carries.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/conversation.h"
#include "node/receive.h"

static const struct verb {
	const char *name;
	int (*talk)(struct conversation *, struct err *);
} VERBS[] = {
	{ "plan", verb_plan },	     { "status", verb_status },	  { "apply", verb_apply },
	{ "facts", verb_facts },     { "run", verb_run },	  { "copy", verb_copy },
	{ "receive", verb_receive }, { "confirm", verb_confirm }, { "ask", verb_ask },
	{ "accept", verb_accept },   { "migrate", verb_migrate },
};

static const struct verb *verb_find(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(VERBS); i++) {
		if (strcmp(VERBS[i].name, name) == 0)
			return &VERBS[i];
	}
	return NULL;
}

/* sshd gives a PATH that may lack the system directories; ours are added, so
   that a test can still put its own in front. */
static void extend_path(void)
{
	const char *path = getenv("PATH");
	AUTO_FREE char *longer = xasprintf("%s%s/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin",
					   path ? path : "", path && path[0] ? ":" : "");
	setenv("PATH", longer, 1);
}

static int say_hello(struct conversation *conversation, const char *self, bool build_wanted,
		     struct err *err)
{
	AUTO_STR struct str line = STR_INIT;
	char name[256] = "";
	const char *in_place = getenv("MOYAI_NODE_NAME"); /* for tests: many on one machine */
	gethostname(name, sizeof(name) - 1);
	message_hello(&line, self, in_place ? in_place : name, build_wanted);
	return conversation_send(conversation, &line, err);
}

static int talk(struct conversation *conversation, const char *verb_name, char **argv,
		struct err *err)
{
	const struct verb *verb = verb_find(verb_name);
	const char *build = conversation->build;
	char self[HASH_HEX_SIZE];
	if (hash_file_hex("/proc/self/exe", self, err) != 0)
		return -1;
	bool is_build = strlen(build) == HASH_HEX_SIZE - 1 &&
			strspn(build, "0123456789abcdef") == HASH_HEX_SIZE - 1;
	bool other = is_build && strcmp(build, self) != 0;
	/* `receive` is for whatever build the image carries. */
	if (other && verb && verb->talk != verb_receive) {
		int rc = receive_execute(conversation->run_dir, build, argv, err);
		if (say_hello(conversation, self, rc == 0, rc == 0 ? err : NULL) != 0)
			return -1;
		return rc;
	}
	if (say_hello(conversation, self, false, err) != 0)
		return -1;
	if (!is_build)
		return err_set(err, "BUILD must be a sha256, not \"%s\"", build);
	if (verb == NULL)
		return err_set(err, "unknown verb \"%s\"", verb_name);
	return verb->talk(conversation, err);
}

int main(int argc, char **argv)
{
	const char *run_dir = getenv("MOYAI_RUN_DIR");
	struct err err = ERR_INIT;
	if (argc != 3) {
		fprintf(stderr, "usage: moyai-node BUILD VERB\n"
				"Started by moyai over ssh; not meant to be started by hand.\n");
		return EXIT_FAILURE;
	}
	/* A lost connection shows as a failed write, and then the running step is
	   finished: being killed in the middle of one would be worse. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	extend_path();
	struct conversation conversation = {
		.in = STDIN_FILENO,
		.out = STDOUT_FILENO,
		.reader = LINE_READER_INIT,
		.run_dir = run_dir ? run_dir : "/run/moyai",
		.build = argv[1],
	};
	int rc = talk(&conversation, argv[2], argv, &err);
	if (rc != 0) {
		AUTO_STR struct str line = STR_INIT;
		message_error(&line, err.text);
		if (conversation_send(&conversation, &line, NULL) != 0)
			fprintf(stderr, "moyai-node: %s\n", err.text);
	}
	line_reader_free(&conversation.reader);
	return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
