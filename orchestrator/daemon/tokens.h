/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DAEMON_TOKENS_H
#define DAEMON_TOKENS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"
/*
 * One-time tokens. A token stands for one boot of one node: with it the node
 * asks for its seed, reports its stages and has one host key pinned. When the
 * answer to that is lost the node says the same key again, and that is well.
 * Issuing a token ends the node's earlier ones. Only hashes are kept, in
 * STATE/tokens.json (mode 0600), so that a restart of `moyai pxe serve` in the
 * middle of a boot disturbs nobody, and reading the file gives no token.
 */
enum {
	TOKEN_LIFE_S = 15 * 60,
	/* Dead tokens are remembered, to say "used" and not "unknown". */
	TOKEN_MEMORY_S = 24 * 3600,
	TOKEN_HEX_SIZE = 65,
};

enum token_state { TOKEN_GOOD, TOKEN_UNKNOWN, TOKEN_USED, TOKEN_EXPIRED, TOKEN_REPLACED };

struct token {
	char hash[HASH_HEX_SIZE];
	char *node;
	char *boot;	   /* id of the boot, see boot.h */
	char *why;	   /* why it was issued: becomes the reason in pins.log */
	int64_t expires_s; /* seconds since 1970 */
	char *key;	   /* the host key it was used up for, or NULL */
	bool replaced;	   /* by that of a later boot */
};
struct tokens {
	char *path;
	struct token *items;
	size_t count;
};

/* Read STATE/tokens.json; a missing file is an empty list. */
int tokens_load(const char *state_dir, struct tokens *tokens, struct err *err);
void tokens_free(struct tokens *tokens);

/* Make a token and remember it. */
int tokens_issue(struct tokens *tokens, const char *node, const char *boot, const char *why,
		 int64_t now_s, char token[TOKEN_HEX_SIZE], struct err *err);

/* key: the host key it is to be used for, or NULL; a token that was used for the
   same key is still good, also when its life is over. found (may be NULL): the token's entry, or NULL while
   unknown; borrowed until the next change of the list. */
enum token_state tokens_check(const struct tokens *tokens, const char *text, const char *key,
			      int64_t now_s, const struct token **found);

/* Use a good token up for this key. It is used up only when that is on disk. */
int tokens_use(struct tokens *tokens, const char *text, const char *key, struct err *err);

/* "was used before", … */
const char *token_state_text(enum token_state state);
#endif
