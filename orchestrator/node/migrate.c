/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A resource moves, while it is in use, from the node that is asked to `migrate` to the one that is asked to
 * `accept`. They speak with each other over ssh, with a key that is made here for this one move, is let
 * in there from here alone, for the one command of its kind, and is forgotten with the conversation.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/run.h"
#include "engine/kind.h"
#include "node/conversation.h"
#include "node/lock.h"
#include "system/node.h"

#define COMMENT "moyai-migrate" /* ends the line of such a key */
enum { KEYS_MAX = 1024 * 1024, KEY_MAX = 4096 };

/* What moves, and this end of the conversation about it. */
struct moving {
	struct conversation *conversation;
	struct node *node;
	const struct kind_node *kind;
	const struct spec *as; /* what it is to be on the other node */
};

static int find_moving(const struct slice *slice, struct moving *moving, struct err *err)
{
	if (slice->wants.count != 1)
		return err_set(err, "one resource alone can move at a time");
	moving->as = &slice->wants.items[0];
	moving->kind = kind_node_find(moving->as->kind->name);
	if (moving->kind == NULL || moving->kind->move == NULL)
		return err_set(err, "a %s does not move from node to node", moving->as->kind->name);
	return 0;
}

/* ---- the node that it moves to ---- */

static char *keys_path(void)
{
	const char *home = getenv("HOME");
	return xasprintf("%s/.ssh/authorized_keys", home ? home : "/root");
}

/* Lines of moves that have ended, also of ones whose moyai-node was killed, and this one. NULL: none. */
static int let_in(const char *line, struct err *err)
{
	AUTO_FREE char *path = keys_path();
	AUTO_STR struct str before = STR_INIT;
	AUTO_STR struct str after = STR_INIT;
	if (file_read(path, KEYS_MAX, &before, err) != 0)
		return -1;
	for (const char *at = str_text(&before); *at;) {
		size_t length = strcspn(at, "\n");
		AUTO_FREE char *old = xstrndup(at, length);
		at += length + (at[length] == '\n');
		if (!text_ends(old, " " COMMENT))
			str_addf(&after, "%s\n", old);
	}
	if (line != NULL)
		str_addf(&after, "%s\n", line);
	return file_write(path, after.data, after.length, 0600, err);
}

/* sshd(8): nothing but this command, from there, until then. */
static char *key_line(const char *command, const struct request_peer *peer)
{
	char until[sizeof("20261130235959Z")];
	struct tm tm;
	time_t end = time(NULL) + (time_t)peer->seconds;
	gmtime_r(&end, &tm);
	strftime(until, sizeof(until), "%Y%m%d%H%M%SZ", &tm);
	size_t type = strcspn(peer->key, " ");
	size_t length = type + 1 + strcspn(peer->key + type + 1, " ");
	return xasprintf("restrict,command=\"%s\",from=\"%s\",expiry-time=\"%s\" %.*s " COMMENT,
			 command, peer->address, until, (int)length, peer->key);
}

/* Until it has come; at the end of file it has not. */
static int hold(struct conversation *conversation, struct err *err)
{
	AUTO_STR struct str line = STR_INIT;
	struct request request;
	message_ready(&line);
	if (conversation_send(conversation, &line, err) != 0)
		return -1;
	int rc = conversation_next(conversation, &request, err);
	if (rc <= 0)
		return rc < 0 ? -1 : err_set(err, "the stream ended before \"end\"");
	rc = request.type == REQUEST_END ? 0 : err_set(err, "\"end\" was expected");
	request_free(&request);
	return rc;
}

static int accept_it(const struct moving *moving, struct err *err)
{
	struct request request;
	if (conversation_expect(moving->conversation, REQUEST_ACCEPT, &request, err) != 0)
		return -1;
	AUTO_FREE char *line = key_line(moving->kind->accepts, &request.peer);
	request_free(&request);
	int rc = moving->kind->expect(moving->node, moving->as, err);
	if (rc == 0)
		rc = let_in(line, err);
	if (rc == 0)
		rc = hold(moving->conversation, err);
	if (rc == 0)
		rc = moving->kind->arrive(moving->node, moving->as, err);
	if (let_in(NULL, rc == 0 ? err : NULL) != 0)
		rc = -1;
	moving->kind->expect_end(moving->node, moving->as);
	return rc;
}

/* ---- the node that it moves from ---- */

/* Nobody who listens: nobody who wants it any more. */
static bool go_on(void *context, unsigned percent)
{
	struct conversation *conversation = context;
	AUTO_STR struct str line = STR_INIT;
	message_percent(&line, percent);
	return !conversation_is_gone(conversation) &&
	       conversation_send(conversation, &line, NULL) == 0;
}

/* A file each in the folder: the key, its public half and the host key of the other node. */
static int make_key(const char *folder, struct str *public, struct err *err)
{
	AUTO_FREE char *key = xasprintf("%s/key", folder);
	AUTO_FREE char *public_path = xasprintf("%s/key.pub", folder);
	if (file_make_dirs(folder, 0700, err) != 0 || file_remove(key, err) != 0 ||
	    run_args(err, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", COMMENT, "-f", key,
		     NULL) != 0)
		return -1;
	return file_read(public_path, KEY_MAX, public, err);
}

static void forget_key(const char *folder)
{
	static const char *const FILES[] = { "key", "key.pub", "known_hosts" };
	for (size_t i = 0; i < COUNT_OF(FILES); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", folder, FILES[i]);
		file_remove(path, NULL);
	}
	rmdir(folder);
}

static int move_it(const struct moving *moving, const char *folder, const struct request_peer *peer,
		   struct err *err)
{
	AUTO_FREE char *key = xasprintf("%s/key", folder);
	AUTO_FREE char *known_hosts = xasprintf("%s/known_hosts", folder);
	AUTO_FREE char *known = xasprintf("%s %s\n", peer->address, peer->key);
	const struct transfer how = { .address = peer->address,
				      .key = key,
				      .known_hosts = known_hosts,
				      .go_on = go_on,
				      .context = moving->conversation };
	if (file_write(known_hosts, known, strlen(known), 0600, err) != 0)
		return -1;
	return moving->kind->move(moving->node, moving->as, &how, err);
}

static int migrate_it(const struct moving *moving, struct err *err)
{
	struct request request;
	struct conversation *conversation = moving->conversation;
	AUTO_STR struct str public = STR_INIT;
	AUTO_STR struct str line = STR_INIT;
	AUTO_FREE char *folder = xasprintf("%s/migrate", conversation->run_dir);
	int rc = make_key(folder, &public, err);
	if (rc == 0) {
		AUTO_FREE char *key = xstrndup(str_text(&public), strcspn(str_text(&public), "\n"));
		message_key(&line, key);
		rc = conversation_send(conversation, &line, err);
	}
	if (rc == 0)
		rc = conversation_expect(conversation, REQUEST_MIGRATE, &request, err);
	if (rc == 0) {
		rc = move_it(moving, folder, &request.peer, err);
		request_free(&request);
	}
	forget_key(folder);
	return rc;
}

/* ---- both ---- */

/* With the node's lock: while something comes or goes nobody changes what it stands on. */
static int with_lock(struct conversation *conversation,
		     int (*talk)(const struct moving *, struct err *), struct err *err)
{
	AUTO_STR struct str line = STR_INIT;
	struct request request;
	struct node node;
	struct moving moving = { .conversation = conversation, .node = &node };
	if (conversation_expect(conversation, REQUEST_SLICE, &request, err) != 0)
		return -1;
	int rc = find_moving(&request.slice, &moving, err);
	int lock = rc == 0 ? lock_take(conversation->run_dir, request.slice.who, err) : -1;
	if (lock >= 0) {
		node_init(&node, request.slice.site, request.slice.node);
		rc = talk(&moving, err);
		node_free(&node);
	} else {
		rc = -1;
	}
	lock_release(lock);
	request_free(&request);
	message_done(&line, 0);
	return rc == 0 ? conversation_send(conversation, &line, err) : -1;
}

int verb_accept(struct conversation *conversation, struct err *err)
{
	return with_lock(conversation, accept_it, err);
}

int verb_migrate(struct conversation *conversation, struct err *err)
{
	return with_lock(conversation, migrate_it, err);
}
