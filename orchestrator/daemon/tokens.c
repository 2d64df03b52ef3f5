/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/tokens.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum { TOKENS_MAX_BYTES = 64 * 1024 * 1024 };

static void token_free(struct token *token)
{
	free(token->node);
	free(token->boot);
	free(token->why);
	free(token->key);
}

void tokens_free(struct tokens *tokens)
{
	if (tokens == NULL)
		return;
	for (size_t i = 0; i < tokens->count; i++)
		token_free(&tokens->items[i]);
	free(tokens->items);
	free(tokens->path);
	*tokens = (struct tokens){ 0 };
}

static struct token *add(struct tokens *tokens)
{
	tokens->items = xrealloc(tokens->items, tokens->count + 1, sizeof(*tokens->items));
	struct token *token = &tokens->items[tokens->count++];
	*token = (struct token){ 0 };
	return token;
}

static int add_json(struct tokens *tokens, json_t *json)
{
	const char *hash;
	const char *node;
	const char *boot;
	const char *why;
	const char *key = NULL;
	json_int_t expires;
	int replaced;
	if (json_unpack(json, "{s:s, s:s, s:s, s:s, s?s, s:I, s:b!}", "sha256", &hash, "node",
			&node, "boot", &boot, "why", &why, "key", &key, "expires", &expires,
			"replaced", &replaced) != 0 ||
	    strlen(hash) != HASH_HEX_SIZE - 1)
		return -1;
	struct token *token = add(tokens);
	memcpy(token->hash, hash, HASH_HEX_SIZE);
	token->node = xstrdup(node);
	token->boot = xstrdup(boot);
	token->why = xstrdup(why);
	token->key = key ? xstrdup(key) : NULL;
	token->expires_s = expires;
	token->replaced = replaced;
	return 0;
}

int tokens_load(const char *state_dir, struct tokens *tokens, struct err *err)
{
	struct tokens list = { .path = xasprintf("%s/tokens.json", state_dir) };
	AUTO_STR struct str text = STR_INIT;
	json_t *json = NULL;
	int rc = -1;
	if (file_exists(list.path)) {
		if (file_read(list.path, TOKENS_MAX_BYTES, &text, err) != 0)
			goto out;
		json = json_loadb(str_text(&text), text.length, 0, NULL);
		size_t i;
		json_t *item;
		bool bad = !json_is_array(json);
		json_array_foreach(json, i, item) bad = bad || add_json(&list, item) != 0;
		if (bad) {
			err_set(err,
				"%s: not a list of tokens; remove it, and machines that boot now "
				"must boot again",
				list.path);
			goto out;
		}
	}
	*tokens = list;
	rc = 0;
out:
	json_decref(json);
	if (rc != 0)
		tokens_free(&list);
	return rc;
}

static int save(const struct tokens *tokens, struct err *err)
{
	json_t *list = json_array();
	for (size_t i = 0; i < tokens->count; i++) {
		const struct token *token = &tokens->items[i];
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:s, s:s*, s:I, s:b}", "sha256",
					token->hash, "node", token->node, "boot", token->boot,
					"why", token->why, "key", token->key, "expires",
					(json_int_t)token->expires_s, "replaced", token->replaced));
	}
	AUTO_FREE char *text = json_dumps(list, JSON_INDENT(1));
	json_decref(list);
	if (text == NULL)
		return err_set(err, "%s: cannot be written as JSON", tokens->path);
	return file_write(tokens->path, text, strlen(text), 0600, err);
}

static void forget_old(struct tokens *tokens, int64_t now_s)
{
	size_t kept = 0;
	for (size_t i = 0; i < tokens->count; i++) {
		if (tokens->items[i].expires_s + TOKEN_MEMORY_S < now_s)
			token_free(&tokens->items[i]);
		else
			tokens->items[kept++] = tokens->items[i];
	}
	tokens->count = kept;
}

int tokens_issue(struct tokens *tokens, const char *node, const char *boot, const char *why,
		 int64_t now_s, char token[TOKEN_HEX_SIZE], struct err *err)
{
	uint8_t random[HASH_BYTES];
	char hex[TOKEN_HEX_SIZE];
	char hash[HASH_HEX_SIZE];
	if (hash_random(random, sizeof(random), err) != 0)
		return -1;
	hash_hex(random, sizeof(random), hex);
	if (hash_bytes_hex(hex, strlen(hex), hash, err) != 0)
		return -1;
	forget_old(tokens, now_s);
	for (size_t i = 0; i < tokens->count; i++)
		if (strcmp(tokens->items[i].node, node) == 0)
			tokens->items[i].replaced = true;
	struct token *entry = add(tokens);
	memcpy(entry->hash, hash, sizeof(hash));
	entry->node = xstrdup(node);
	entry->boot = xstrdup(boot);
	entry->why = xstrdup(why);
	entry->expires_s = now_s + TOKEN_LIFE_S;
	/* A token that is not on disk would be forgotten by a restart: worse than none. */
	if (save(tokens, err) != 0) {
		entry->replaced = true;
		return -1;
	}
	memcpy(token, hex, sizeof(hex));
	return 0;
}

static struct token *find(const struct tokens *tokens, const char *text)
{
	char hash[HASH_HEX_SIZE];
	if (text == NULL || strlen(text) != TOKEN_HEX_SIZE - 1 ||
	    hash_bytes_hex(text, strlen(text), hash, NULL) != 0)
		return NULL;
	for (size_t i = 0; i < tokens->count; i++)
		if (memcmp(tokens->items[i].hash, hash, sizeof(hash)) == 0)
			return &tokens->items[i];
	return NULL;
}

enum token_state tokens_check(const struct tokens *tokens, const char *text, const char *key,
			      int64_t now_s, const struct token **found)
{
	const struct token *token = find(tokens, text);
	if (found)
		*found = token;
	if (token == NULL)
		return TOKEN_UNKNOWN;
	if (token->key && !text_equal(token->key, key))
		return TOKEN_USED;
	if (token->replaced)
		return TOKEN_REPLACED;
	/* What it was used for stays so, for however long the answer gets lost. */
	if (token->key)
		return TOKEN_GOOD;
	return now_s >= token->expires_s ? TOKEN_EXPIRED : TOKEN_GOOD;
}

int tokens_use(struct tokens *tokens, const char *text, const char *key, struct err *err)
{
	struct token *token = find(tokens, text);
	if (token && text_equal(token->key, key))
		return 0;
	if (token == NULL || token->key)
		return err_set(err, "the token %s",
			       token_state_text(token ? TOKEN_USED : TOKEN_UNKNOWN));
	token->key = xstrdup(key);
	if (save(tokens, err) != 0) {
		free(token->key);
		token->key = NULL;
		return -1;
	}
	return 0;
}

const char *token_state_text(enum token_state state)
{
	switch (state) {
	case TOKEN_GOOD:
		return "is good";
	case TOKEN_UNKNOWN:
		return "was never issued here";
	case TOKEN_USED:
		return "was used before";
	case TOKEN_EXPIRED:
		return "has expired";
	case TOKEN_REPLACED:
		return "belongs to an earlier boot";
	}
	return "is in an unknown state";
}
