/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "model/kind.h"
#include "programs/option.h"
#include "programs/topic.h"

/*
 * `moyai complete -- WORD…`: what the last WORD of a command line, which may be empty, could
 * become: a line "VALUE<TAB>DESCRIPTION" each, or the line "<TAB>files" or "<TAB>folders" for
 * the shell to go on with. The shells' own part is in completion/.
 */
struct line {
	struct site site;
	const char *word;		 /* what is to be completed… */
	size_t kept;			 /* …behind so many bytes of it, which stay */
	const struct command *command;	 /* NULL: not there yet */
	const char *words[2];		 /* the first words that are no options */
	size_t count;			 /* words that are no options, before `word` */
	const struct option_spec *wants; /* the option whose argument `word` is */
	bool ended;			 /* "--" was there */
};

static void offer(const struct line *line, const char *value, const char *doc)
{
	const char *begun = line->word + line->kept;
	if (text_starts(value, begun))
		printf("%.*s%s\t%s\n", (int)line->kept, line->word, value, doc ? doc : "");
}

/* ---- what the words of a usage stand for ---- */

static void offer_nodes(struct line *line)
{
	const struct site *site = &line->site;
	for (size_t i = 0; i < site->node_count; i++)
		offer(line, site->nodes[i].name, site->nodes[i].role_name);
}

/* Of a node set the part behind the last operator. */
static void offer_set(struct line *line)
{
	const struct site *site = &line->site;
	for (const char *at = line->word + line->kept; *at; at++)
		if (strchr(",!&^", *at))
			line->kept = (size_t)(at + 1 - line->word);
	offer_nodes(line);
	offer(line, "@all", "every node");
	for (size_t i = 0; i < site->roles.count; i++) {
		AUTO_FREE char *group = xasprintf("@%s", site->roles.items[i].name);
		offer(line, group, site->roles.items[i].doc);
	}
}

static void offer_roles(struct line *line)
{
	const struct site *site = &line->site;
	for (size_t i = 0; i < site->roles.count; i++)
		offer(line, site->roles.items[i].name, site->roles.items[i].doc);
}

static void offer_clusters(struct line *line)
{
	const struct site *site = &line->site;
	for (size_t i = 0; i < site->cluster_count; i++)
		offer(line, site->clusters[i].name, site->clusters[i].state);
}

static void offer_kinds(struct line *line)
{
	for (const struct kind_spec *const *kind = KIND_SPECS; *kind; kind++)
		offer(line, (*kind)->name, (*kind)->doc);
}

static void offer_explained(struct line *line)
{
	for (const struct topic *topic = TOPICS; topic->name; topic++)
		offer(line, topic->name, topic->doc);
	offer_kinds(line);
}

/* NODE/KIND/NAME, one part after the other. */
static void offer_scope(struct line *line)
{
	const char *begun = line->word + line->kept;
	const char *slash = strchr(begun, '/');
	if (slash == NULL) {
		offer_nodes(line);
		return;
	}
	AUTO_FREE char *name = xstrndup(begun, (size_t)(slash - begun));
	const struct site_node *node = site_find_node(&line->site, name);
	const char *second = strchr(slash + 1, '/');
	line->kept = (size_t)((second ? second : slash) + 1 - line->word);
	if (second == NULL) {
		offer_kinds(line);
		return;
	}
	AUTO_FREE char *kind = xstrndup(slash + 1, (size_t)(second - slash - 1));
	for (size_t i = 0; node && i < node->wants.count; i++)
		if (strcmp(node->wants.items[i].kind->name, kind) == 0)
			offer(line, node->wants.items[i].id, NULL);
}

static void offer_files(struct line *line)
{
	(void)line;
	puts("\tfiles");
}

static void offer_folders(struct line *line)
{
	(void)line;
	puts("\tfolders");
}

static const struct {
	const char *word;
	void (*offer)(struct line *);
} WORDS[] = {
	{ "NODES", offer_set },	     { "NODE", offer_nodes },	    { "ROLE", offer_roles },
	{ "KIND", offer_explained }, { "SCOPE", offer_scope },	    { "FILE", offer_files },
	{ "DIR", offer_folders },    { "CLUSTER", offer_clusters },
};

/* word: as in a usage, without brackets: "NODES", "ROLE…", "on|off". */
static void offer_word(struct line *line, const char *word)
{
	AUTO_FREE char *name = xstrndup(word, strcspn(word, "\xE2")); /* the first byte of "…" */
	for (size_t i = 0; i < COUNT_OF(WORDS); i++)
		if (strcmp(WORDS[i].word, name) == 0)
			WORDS[i].offer(line);
	if (strchr(name, '|') == NULL)
		return;
	for (char *rest = NULL, *at = strtok_r(name, "|", &rest); at;
	     at = strtok_r(NULL, "|", &rest))
		offer(line, at, NULL);
}

/* The argument that comes after so many others; one with "…" may repeat. */
static void offer_argument(struct line *line, size_t before)
{
	AUTO_FREE char *usage = xstrdup(line->command->usage);
	char *rest = NULL;
	for (char *at = strtok_r(usage, " []", &rest); at; at = strtok_r(NULL, " []", &rest)) {
		if (strcmp(at, "--") == 0)
			return;
		if (before-- == 0 || text_ends(at, "…")) {
			offer_word(line, at);
			return;
		}
	}
}

/* ---- the command line so far ---- */

static void offer_options(const struct line *line)
{
	for (const struct option_spec *option = OPTION_TABLE; option->name; option++) {
		AUTO_FREE char *name = xasprintf("%s%s", option_dashes(option), option->name);
		if (line->command ? option_fits(option, line->command) : option->option == 0)
			offer(line, name, option->doc);
	}
}

/* The first word of the names, or the second behind the first. */
static void offer_commands(const struct line *line)
{
	AUTO_LIST struct text_list seen = TEXT_LIST_INIT;
	for (const struct command *const *at = COMMAND_TABLE; *at; at++) {
		const char *name = (*at)->name;
		const char *space = strchr(name, ' ');
		if ((*at)->summary == NULL)
			continue;
		AUTO_FREE char *first = xstrndup(name, strcspn(name, " "));
		if (line->count == 1) {
			if (space && strcmp(first, line->words[0]) == 0)
				offer(line, space + 1, (*at)->summary);
		} else if (line->count == 0 && !text_list_has(&seen, first)) {
			text_list_add(&seen, first);
			offer(line, first, space ? "" : (*at)->summary);
		}
	}
}

static const struct command *find_command(const struct line *line)
{
	for (const struct command *const *at = COMMAND_TABLE; *at; at++) {
		AUTO_FREE char *two =
			line->count > 1 ? xasprintf("%s %s", line->words[0], line->words[1]) : NULL;
		if (text_equal((*at)->name, line->words[0]) || text_equal((*at)->name, two))
			return *at;
	}
	return NULL;
}

/* "--limit" or "-C", also with "=ARGUMENT" behind it, which value then points at. */
static const struct option_spec *find_option(const char *word, const char **value)
{
	*value = NULL;
	for (const struct option_spec *option = OPTION_TABLE; option->name; option++) {
		AUTO_FREE char *name = xasprintf("%s%s", option_dashes(option), option->name);
		size_t length = strlen(name);
		if (strncmp(word, name, length) != 0 || (word[length] && word[length] != '='))
			continue;
		*value = word[length] ? word + length + 1 : NULL;
		return option;
	}
	return NULL;
}

/* All but the last word, and what the last one is to be. The site is that of -C. */
static void read_line(struct line *line, struct options *options, int argc, char **argv)
{
	const char *value;
	for (int i = 0; i + 1 < argc && !line->ended; i++) {
		const struct option_spec *option = find_option(argv[i], &value);
		line->wants = option && option->argument && value == NULL ? option : NULL;
		if (line->wants && i + 2 < argc)
			value = argv[++i];
		if (option && value) {
			line->wants = NULL;
			option->set(options, value, NULL);
		}
		line->ended = strcmp(argv[i], "--") == 0;
		if (option || text_starts(argv[i], "-"))
			continue;
		if (line->count < COUNT_OF(line->words))
			line->words[line->count] = argv[i];
		line->count++;
	}
	line->word = argv[argc - 1];
	if (line->wants == NULL && !line->ended && text_starts(line->word, "--")) {
		const struct option_spec *option = find_option(line->word, &value);
		if (option && option->argument && value) {
			line->wants = option;
			line->kept = (size_t)(value - line->word);
		}
	}
	line->command = find_command(line);
}

static int run(const struct options *options, int argc, char **argv)
{
	struct options read = *options;
	struct line line = { 0 };
	struct mistakes mistakes = MISTAKES_INIT;
	if (argc == 0)
		return EXIT_OK;
	read.allow_data_loss = (struct text_list)TEXT_LIST_INIT;
	read_line(&line, &read, argc, argv);
	/* Also of a site with mistakes: whoever is mending it wants to ask about nodes. */
	if (site_read(read.site_dir, read.share_dir, &line.site, &mistakes, NULL) != 0)
		line.site = (struct site){ 0 };
	if (line.wants)
		offer_word(&line, line.wants->argument);
	else if (line.ended)
		offer_files(&line);
	else if (line.word[0] == '-')
		offer_options(&line);
	else if (line.command == NULL)
		offer_commands(&line);
	else
		offer_argument(&line, line.count - (strchr(line.command->name, ' ') ? 2 : 1));
	mistakes_free(&mistakes);
	text_list_free(&read.allow_data_loss);
	site_free(&line.site);
	return EXIT_OK;
}

const struct command command_complete = {
	.name = "complete",
	.usage = "-- WORD…",
	.run = run,
};
