/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "model/nodeset.h"
#include "programs/command.h"
#include "programs/reach.h"
#include "programs/show.h"

static const char RULE[] = "---------------\n";

/* As `clush -b`: equal outputs once, under the nodes that wrote them. */
static void print_folded(const struct fleet *fleet, bool errors, FILE *to)
{
	struct show_groups groups = { 0 };
	for (size_t i = 0; i < fleet->chosen; i++) {
		const struct host *host = &fleet->hosts[i];
		const struct str *text = errors ? &host->errors : &host->out;
		if (text->length == 0)
			continue;
		AUTO_STR struct str line = STR_INIT;
		str_add_bytes(&line, text->data, text->length);
		for (char *at = line.data; at < line.data + line.length; at++)
			if (*at == '\0') /* it would end the text */
				*at = '?';
		show_group_add(&groups, str_text(&line), host->name);
	}
	for (size_t i = 0; i < groups.count; i++) {
		AUTO_STR struct str names = STR_INIT;
		const char *text = groups.items[i].text;
		nodeset_fold(&groups.items[i].names, &names);
		fprintf(to, "%s%s%s\n%s%s", RULE, str_text(&names), errors ? " (stderr)" : "", RULE,
			text);
		if (!text_ends(text, "\n"))
			fputs("\n", to);
	}
	show_groups_free(&groups);
}

static void print_exits(const struct fleet *fleet)
{
	struct show_groups groups = { 0 };
	for (size_t i = 0; i < fleet->chosen; i++) {
		const struct host *host = &fleet->hosts[i];
		if (host->failed || host->exit_code == 0)
			continue;
		AUTO_FREE char *text = xasprintf("exited with %d", host->exit_code);
		show_group_add(&groups, text, host->name);
	}
	for (size_t i = 0; i < groups.count; i++) {
		AUTO_STR struct str names = STR_INIT;
		nodeset_fold(&groups.items[i].names, &names);
		fprintf(stderr, "%s: %s\n", groups.items[i].text, str_text(&names));
	}
	show_groups_free(&groups);
}

/* JSON text is UTF-8; other bytes become U+FFFD. */
static json_t *json_text(const struct str *text)
{
	AUTO_STR struct str clean = STR_INIT;
	json_t *string = json_stringn(str_text(text), text->length);
	if (string)
		return string;
	utf8_add_visible(&clean, str_text(text), text->length);
	return json_stringn(str_text(&clean), clean.length);
}

static void print_json(const struct fleet *fleet)
{
	for (size_t i = 0; i < fleet->chosen; i++) {
		const struct host *host = &fleet->hosts[i];
		json_t *object = json_pack("{s:s, s:s}", "event", "run", "node", host->name);
		if (host->failed)
			json_object_set_new(object, "error", json_string(host->failed));
		else
			json_object_set_new(object, "exit", json_integer(host->exit_code));
		json_object_set_new(object, "stdout", json_text(&host->out));
		json_object_set_new(object, "stderr", json_text(&host->errors));
		show_json(object);
	}
}

static int print(const struct options *options, const struct fleet *fleet)
{
	AUTO_STR struct str failed = STR_INIT;
	int result = EXIT_OK;
	if (options->json) {
		print_json(fleet);
	} else {
		print_folded(fleet, false, stdout);
		fflush(stdout);
		print_folded(fleet, true, stderr);
		print_exits(fleet);
		show_failed(fleet, &failed);
		fputs(str_text(&failed), stderr);
	}
	for (size_t i = 0; i < fleet->chosen; i++)
		if (fleet->hosts[i].failed || fleet->hosts[i].exit_code != 0)
			result = EXIT_ERROR;
	return result;
}

/* The command as the words a node executes. `--` after the nodes is optional. */
static int make_request(const struct options *options, int argc, char **argv, struct str *request,
			struct err *err)
{
	int first = argc > 1 && strcmp(argv[1], "--") == 0 ? 2 : 1;
	if (argc <= first)
		return err_set(err, "write: run NODES -- CMD ARG…");
	if (!options->shell)
		return request_run(request, argv + first, (size_t)(argc - first), err);
	if (argc - first != 1)
		return err_set(err, "--shell takes the command as one argument: run NODES --shell "
				    "-- 'a | b'");
	char *words[] = { (char *)(size_t) "sh", (char *)(size_t) "-c", argv[first] };
	return request_run(request, words, COUNT_OF(words), err);
}

static int run(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct reach reach;
	AUTO_STR struct str request = STR_INIT;
	int result = EXIT_ERROR;
	if (make_request(options, argc, argv, &request, &err) != 0)
		return command_fail(&err);
	if (reach_open(options, argv[0], NULL, &reach) == 0) {
		int rc = fleet_run(&reach.fleet, &request, &err);
		progress_close(&reach.progress);
		result = rc == 0 ? print(options, &reach.fleet) : command_fail(&err);
	}
	reach_close(&reach);
	return result;
}

const struct command command_run = {
	.name = "run",
	.usage = "NODES -- CMD ARG…",
	.summary = "a command on many nodes, equal outputs folded",
	.doc = "Executes the command on each node as root, without a shell, and shows equal\n"
	       "outputs once, under the nodes that wrote them. With --shell its words are handed\n"
	       "to sh -c, for pipes and the like.\n"
	       "\n"
	       "  moyai run @storage -- lsblk\n"
	       "  moyai run --shell vm[01-16] -- 'dmesg | tail -n 3'\n"
	       "\n"
	       "Exits with 1 when the command fails anywhere.",
	.run = run,
	.options = OPTIONS_REACH | OPTION_SHELL | OPTION_REVISION,
};
