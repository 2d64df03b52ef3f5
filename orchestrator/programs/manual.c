/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "model/kind.h"
#include "programs/mdoc.h"
#include "programs/option.h"
#include "programs/topic.h"

/*
 * The manual, from the tables of commands, options and fields: `moyai manual` lists the pages,
 * `moyai manual PAGE` prints one. For `make`, which installs what it prints.
 */

/* "image build" → "moyai-image-build" */
static char *page_name(const struct command *command)
{
	char *name = xasprintf("moyai-%s", command->name);
	for (char *at = name; *at; at++)
		if (*at == ' ')
			*at = '-';
	return name;
}

/* Everything that stands by itself in a list: ".It" and its text follow. */
static void list_begin(struct str *out)
{
	str_add(out, ".Bl -tag -width Ds\n");
}
static void list_end(struct str *out)
{
	str_add(out, ".El\n");
}

static void add_option(struct str *out, const struct option_spec *option)
{
	str_addf(out, ".It Fl %s%s%s%s\n", option->name[1] ? "\\-" : "", option->name,
		 option->argument ? " Ar \\&" : "", option->argument ? option->argument : "");
	mdoc_text(out, option->doc);
}

/* A line per word of the usage: "[NODES]" is optional, "ROLE…" an argument, the rest as it is. */
static void add_usage(struct str *out, const char *usage)
{
	while (*usage) {
		size_t length = strcspn(usage, " ");
		AUTO_FREE char *word = xstrndup(usage, length);
		bool optional = length > 2 && word[0] == '[' && word[length - 1] == ']';
		AUTO_FREE char *inner = optional ? xstrndup(word + 1, length - 2) : xstrdup(word);
		if (strpbrk(inner, "[]-|"))
			mdoc_macro(out, optional ? "Op" : "Cm", inner);
		else
			mdoc_macro(out, optional ? "Op Ar" : "Ar", inner);
		usage += length + strspn(usage + length, " ");
	}
}

static void print_command(const struct command *command, struct str *out)
{
	AUTO_FREE char *name = page_name(command);
	mdoc_head(out, name, 1, command->summary);
	str_add(out, ".Sh SYNOPSIS\n.Nm moyai\n.Op Fl C Ar DIR\n.Op Ar OPTION ...\n");
	mdoc_macro(out, "Cm", command->name);
	add_usage(out, command->usage);
	str_add(out, ".Sh DESCRIPTION\n");
	mdoc_doc(out, command->doc);
	str_add(out, ".Sh OPTIONS\n");
	list_begin(out);
	for (const struct option_spec *option = OPTION_TABLE; option->name; option++)
		if (option_fits(option, command))
			add_option(out, option);
	list_end(out);
	str_add(out, ".Sh SEE ALSO\n.Xr moyai 1 ,\n.Xr moyai-site 5\n");
}

static const struct {
	const char *name, *doc;
} ENVIRONMENT[] = {
	{ "MOYAI_STATE", "The state directory, as --state." },
	{ "MOYAI_IMAGES", "Where the appliance images are." },
	{ "MOYAI_SHARE", "Where the shipped roles/, images/ and pxe/ are." },
	{ "XDG_STATE_HOME", "Where the state directories of all sites are: XDG_STATE_HOME/moyai/SITE; "
			    "~/.local/state when it is not set." },
	{ "NO_COLOR", "No colours, also on a terminal." },
}, FILES[] = {
	{ "DIR/site.cfg", "The site; see moyai-site(5)." },
	{ "STATE/site.key", "32 random bytes, from which secrets are derived." },
	{ "STATE/id_ed25519", "The ssh key of root on every node." },
	{ "STATE/known_hosts", "The host keys that are pinned." },
	{ "STATE/starts/CLUSTER.json", "What took how long at its last start." },
	{ "STATE/boot/NODE.json", "How far the node's last boot came." },
}, NODE_SETS[] = {
	{ "vm[01-16,20]", "Sixteen nodes and one more, with their zeros." },
	{ "@storage", "All nodes of a role; @all are all." },
	{ "a,b", "Nodes of either." },
	{ "a!b", "Those of a that are not in b." },
	{ "a&b", "Those in both." },
	{ "a^b", "Those in one of them alone." },
};

static void print_all(struct str *out)
{
	mdoc_head(out, "moyai", 1, "bare metal in, virtual clusters out");
	str_add(out, ".Sh SYNOPSIS\n.Nm moyai\n.Op Fl C Ar DIR\n.Op Ar OPTION ...\n"
		     ".Ar COMMAND\n.Op Ar ARGUMENT ...\n.Sh DESCRIPTION\n");
	mdoc_doc(out,
		 "From a site directory, which an operator keeps in git, moyai builds appliance\n"
		 "images, boots bare metal from the network into roles, and configures disks,\n"
		 "iSCSI targets and networks over ssh. No daemon runs on the nodes, and no file\n"
		 "remembers what was applied: wanted state is in the site, observed state is on\n"
		 "the nodes.\n"
		 "\n"
		 "Data is written to stdout, progress and messages to stderr.");
	str_add(out, ".Sh COMMANDS\n");
	list_begin(out);
	for (const struct command *const *at = COMMAND_TABLE; *at; at++) {
		if ((*at)->summary == NULL)
			continue;
		AUTO_FREE char *name = page_name(*at);
		str_addf(out, ".It Xr %s 1\n", name);
		mdoc_text(out, (*at)->summary);
	}
	list_end(out);
	str_add(out, ".Sh OPTIONS\nEvery command has these; its own page says the others.\n");
	list_begin(out);
	for (const struct option_spec *option = OPTION_TABLE; option->name; option++)
		if (option->option == 0)
			add_option(out, option);
	list_end(out);
	str_add(out, ".Sh NODE SETS\n");
	mdoc_text(out, "Nodes are written as for ClusterShell, in quotes where the shell would "
		       "take a character for its own:");
	list_begin(out);
	for (size_t i = 0; i < COUNT_OF(NODE_SETS); i++) {
		mdoc_macro(out, "It", NODE_SETS[i].name);
		mdoc_text(out, NODE_SETS[i].doc);
	}
	list_end(out);
	str_add(out, ".Sh ENVIRONMENT\n");
	list_begin(out);
	for (size_t i = 0; i < COUNT_OF(ENVIRONMENT); i++) {
		mdoc_macro(out, "It Ev", ENVIRONMENT[i].name);
		mdoc_text(out, ENVIRONMENT[i].doc);
	}
	list_end(out);
	str_add(out, ".Sh FILES\n");
	list_begin(out);
	for (size_t i = 0; i < COUNT_OF(FILES); i++) {
		mdoc_macro(out, "It Pa", FILES[i].name);
		mdoc_text(out, FILES[i].doc);
	}
	list_end(out);
	str_add(out, ".Sh EXIT STATUS\n");
	mdoc_text(out, "0 when all is well, 1 on an error. Commands that look for differences exit "
		       "with 2 when there are some.");
	str_add(out, ".Sh SEE ALSO\n.Xr moyai-site 5 ,\n.Xr moyai-node 8\n");
}

/* ---- moyai-site(5) ---- */

static void add_part(struct str *line, const char *text)
{
	if (text[0])
		str_addf(line, "%s%s", line->length ? "; " : "", text);
}

static void add_fields(struct str *out, const struct field *fields)
{
	list_begin(out);
	for (const struct field *field = fields; field->name; field++) {
		AUTO_STR struct str limits = STR_INIT;
		AUTO_STR struct str rules = STR_INIT;
		AUTO_STR struct str line = STR_INIT;
		AUTO_FREE char *fallback =
			field->fallback ? xasprintf("default %s", field->fallback) : NULL;
		/* What nobody can write is for `moyai explain`, beside a plan. */
		if (field->flags & FIELD_DERIVED)
			continue;
		topic_limits(field, &limits);
		topic_rules(field, &rules);
		mdoc_macro(out, "It Va", field->name);
		add_part(&line, topic_type(field));
		add_part(&line, str_text(&limits));
		add_part(&line, str_text(&rules));
		add_part(&line, fallback ? fallback : "");
		str_add(&line, ".");
		mdoc_text(out, str_text(&line));
		AUTO_FREE char *doc = xasprintf("%s.", field->doc ? field->doc : "");
		str_add(out, ".br\n");
		mdoc_text(out, doc);
	}
	list_end(out);
}

static void add_topic(struct str *out, const char *head, const char *doc, const char *example,
		      const struct field *fields)
{
	AUTO_FREE char *sentence = xasprintf("%s.", doc);
	mdoc_macro(out, "Ss", head);
	mdoc_text(out, sentence);
	add_fields(out, fields);
	str_add(out, ".Bd -literal -offset indent\n");
	mdoc_text(out, example);
	str_add(out, ".Ed\n");
}

static void print_site(struct str *out)
{
	mdoc_head(out, "moyai-site", 5, "the site directory of moyai");
	str_add(out, ".Sh DESCRIPTION\n");
	mdoc_doc(out,
		 "A site directory holds site.cfg, perhaps more files that it includes,\n"
		 "clusters/NAME.cfg and roles/NAME/. They are written as libconfig reads them:\n"
		 "settings end in a semicolon, text stands in double quotes, lists of groups\n"
		 "in ( ), lists of text in [ ], and a # begins a comment. Unknown keys are\n"
		 "mistakes.\n"
		 "\n"
		 "Sizes are binary (512M, 16G), durations have a unit (90s, 2h).");
	str_add(out, ".Sh GROUPS\n");
	for (const struct topic *topic = TOPICS; topic->name; topic++)
		add_topic(out, topic->name, topic->doc, topic->example, topic->fields);
	str_add(out, ".Sh RESOURCES\n");
	mdoc_text(out, "Each kind has a list of its own in the group of a node, or in a role for "
		       "every node of it.");
	for (const struct kind_spec *const *kind = KIND_SPECS; *kind; kind++) {
		if ((*kind)->expanded)
			continue;
		AUTO_FREE char *example =
			xasprintf("%s = ( %s );", (*kind)->section, (*kind)->example);
		add_topic(out, (*kind)->section, (*kind)->doc, example, (*kind)->fields);
	}
	str_add(out, ".Sh SEE ALSO\n.Xr moyai-explain 1 ,\n.Xr moyai-validate 1\n");
}

static void print_node(struct str *out)
{
	mdoc_head(out, "moyai-node", 8, "the node's side of moyai");
	str_add(out, ".Sh SYNOPSIS\n.Nm /usr/lib/moyai/moyai-node\n.Ar BUILD\n.Ar VERB\n"
		     ".Sh DESCRIPTION\n");
	mdoc_doc(out,
		 "Started over ssh by moyai, never by hand, and ends when its work is done. It\n"
		 "reads this node's slice of the wanted state from stdin, looks at what is there,\n"
		 "and answers with lines of JSON: the steps it would take, or those it takes.\n"
		 "BUILD is the sha256 of the moyai-node that the other side carries: when it is\n"
		 "another one, that is received, put under /run/moyai and executed instead, so\n"
		 "that an old image stays manageable.");
	str_add(out, ".Sh FILES\n");
	list_begin(out);
	str_add(out, ".It Pa /run/moyai/lock\nHeld while something is changed.\n"
		     ".It Pa /etc/moyai/image.json\nRole and version of the image that runs.\n");
	list_end(out);
	str_add(out, ".Sh SEE ALSO\n.Xr moyai 1\n");
}

static const struct {
	const char *name;
	void (*print)(struct str *out);
} PAGES[] = {
	{ "moyai.1", print_all },
	{ "moyai-site.5", print_site },
	{ "moyai-node.8", print_node },
};

static void list_pages(void)
{
	for (size_t i = 0; i < COUNT_OF(PAGES); i++)
		puts(PAGES[i].name);
	for (const struct command *const *at = COMMAND_TABLE; *at; at++) {
		AUTO_FREE char *name = page_name(*at);
		if ((*at)->summary)
			printf("%s.1\n", name);
	}
}

static int run(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	AUTO_STR struct str out = STR_INIT;
	(void)options;
	if (argc == 0) {
		list_pages();
		return EXIT_OK;
	}
	for (size_t i = 0; i < COUNT_OF(PAGES); i++)
		if (strcmp(PAGES[i].name, argv[0]) == 0)
			PAGES[i].print(&out);
	for (const struct command *const *at = COMMAND_TABLE; *at; at++) {
		AUTO_FREE char *name = page_name(*at);
		AUTO_FREE char *file = xasprintf("%s.1", name);
		if ((*at)->summary && strcmp(file, argv[0]) == 0)
			print_command(*at, &out);
	}
	if (out.length == 0) {
		err_set(&err, "there is no page \"%s\"; moyai manual lists them", argv[0]);
		return command_fail(&err);
	}
	fputs(str_text(&out), stdout);
	return EXIT_OK;
}

const struct command command_manual = {
	.name = "manual",
	.usage = "[PAGE]",
	.run = run,
};
