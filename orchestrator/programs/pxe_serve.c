/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/server.h"
#include "programs/command.h"
#include "programs/show.h"
#include "programs/takeover.h"

enum { ANSWER_S = 3 };

/* What was shown last, so that a line comes once per stage and ten percent. */
struct shown {
	char name[64];
	char id[BOOT_ID_SIZE];
	enum boot_stage stage;
	unsigned percent;
	unsigned refused_count;
};
struct shown_list {
	struct shown *items;
	size_t count;
	bool json;
};

static struct shown *shown_of(struct shown_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i].name, name) == 0)
			return &list->items[i];
	list->items = xrealloc(list->items, list->count + 1, sizeof(*list->items));
	struct shown *shown = &list->items[list->count++];
	*shown = (struct shown){ 0 };
	snprintf(shown->name, sizeof(shown->name), "%s", name);
	return shown;
}

static void show_refused(const struct shown_list *list, const struct boot_node *node)
{
	if (list->json)
		show_json(json_pack("{s:s, s:s, s:s?}", "event", "refused", "node", node->name,
				    "reason", node->refused));
	else
		fprintf(stderr, "%-12s refused: %s\n", node->name, node->refused);
}

static void show_stage(const struct shown_list *list, const struct boot_node *node)
{
	const struct boot_record *now = &node->now;
	const char *stage = boot_stage_name(now->stage);
	if (list->json) {
		json_t *line = json_pack("{s:s, s:s, s:s}", "event", "boot", "node", node->name,
					 "stage", stage);
		if (now->stage == BOOT_IMAGE)
			json_object_set_new(line, "percent", json_integer(now->percent));
		if (now->stage == BOOT_FAILED && now->error != NULL)
			json_object_set_new(line, "reason", json_string(now->error));
		show_json(line);
	} else if (now->stage == BOOT_IMAGE) {
		fprintf(stderr, "%-12s %s %u %%\n", node->name, stage, now->percent);
	} else if (now->stage == BOOT_FAILED) {
		fprintf(stderr, "%-12s failed: %s\n", node->name, now->error ? now->error : "");
	} else {
		fprintf(stderr, "%-12s %s\n", node->name, stage);
	}
}

static void progress(void *context, const struct boot_node *node)
{
	const struct boot_record *now = &node->now;
	struct shown *shown = shown_of(context, node->name);
	bool same = shown->stage == now->stage && strcmp(shown->id, now->id) == 0;
	if (shown->refused_count < node->refused_count)
		show_refused(context, node);
	shown->refused_count = node->refused_count;
	if (same && (now->percent < shown->percent + 10 || now->percent == shown->percent) &&
	    !(now->percent == 100 && shown->percent < 100))
		return;
	shown->stage = now->stage;
	shown->percent = now->percent;
	memcpy(shown->id, now->id, sizeof(shown->id));
	show_stage(context, node);
}

/* To people the log says it. */
static void stranger(void *context, const char *mac, const char *asked)
{
	const struct shown_list *list = context;
	if (list->json)
		show_json(json_pack("{s:s, s:s, s:s}", "event", "stranger", "mac", mac, "asked",
				    asked));
}

/* Two boot servers on one network would answer each other's machines. */
static int taken_over(const char *state_dir, struct err *err)
{
	struct takeover takeover;
	if (takeover_read(state_dir, &takeover, err) != 0)
		return -1;
	if (takeover.node == NULL)
		return 0;
	err_set(err,
		"%s (%s) has taken over network boot on %s. To serve from this machine again, run "
		"systemctl disable --now moyaid on %s or switch it off, and remove "
		"%s/takeover.json",
		takeover.node, takeover.address, takeover.since, takeover.node, state_dir);
	takeover_free(&takeover);
	return -1;
}

/* Keys that were restored on another machine, or copied, do not say that somebody has taken over. */
static int check_manager(const struct site *site, const char *state_dir, struct err *err)
{
	const struct site_node *manager = site_manager(site);
	const char *address = manager ? site_node_boot_address(site, manager) : NULL;
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)site->boot_port) };
	const struct timeval patience = { .tv_sec = ANSWER_S };
	if (address == NULL || inet_pton(AF_INET, address, &to.sin_addr) != 1)
		return 0;
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* It bounds connect(), too: socket(7). */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) != 0)
		return err_set_errno(err, errno, "socket");
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0)
		return 0;
	return err_set(
		err,
		"%s serves network boot already, at %s port %llu: it has taken over, and "
		"%s/takeover.json is missing. moyai key backup where moyai bootstrap ran, and "
		"moyai "
		"key restore here, bring it; to serve from this machine, run systemctl disable "
		"--now moyaid on %s or switch it off",
		manager->name, address, (unsigned long long)site->boot_port, state_dir,
		manager->name);
}

static int run(const struct options *options, int argc, char **argv)
{
	struct site site;
	struct server server;
	struct shown_list shown = { .json = options->json };
	struct err err = ERR_INIT;
	if (argc != 0) {
		err_set(&err, "pxe serve: \"%s\": no argument is expected", argv[0]);
		return command_fail(&err);
	}
	if (geteuid() != 0) { /* before anything is begun */
		err_set(&err,
			"pxe serve answers DHCP and TFTP, for which it has to be root; run it as "
			"root, or by sudo");
		return command_fail(&err);
	}
	/* Also into a pipe, the lines come when things happen. */
	setvbuf(stderr, NULL, _IOLBF, 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (command_site(options, &site) != 0)
		return EXIT_ERROR;
	AUTO_FREE char *state = command_state_dir(options, &site);
	if (state == NULL) {
		site_free(&site);
		return EXIT_ERROR;
	}
	if (taken_over(state, &err) != 0 || check_manager(&site, state, &err) != 0) {
		site_free(&site);
		return command_fail(&err);
	}
	const struct server_options wanted = {
		.site_dir = options->site_dir,
		.share_dir = options->share_dir,
		.images_dir = options->images_dir,
		.state_dir = state,
		.progress = progress,
		.stranger = stranger,
		.context = &shown,
	};
	int result = EXIT_ERROR;
	if (server_start(&wanted, &site, &server, &err) != 0) {
		command_fail(&err);
	} else {
		log_line("boot server at %s on %s, %zu nodes", server.url, server.interface,
			 server.site.node_count);
		if (options->json)
			show_json(json_pack("{s:s, s:s, s:s}", "event", "serving", "url",
					    server.url, "interface", server.interface));
		if (server_run(&server, &err) == 0)
			result = EXIT_OK;
		else
			command_fail(&err);
		server_stop(&server);
		log_line("boot server ended");
	}
	free(shown.items);
	return result;
}

const struct command command_pxe_serve = {
	.name = "pxe serve",
	.usage = "",
	.summary = "serve DHCP, TFTP and HTTP to the machines that boot, until Ctrl-C",
	.doc = "Answers DHCP, TFTP and HTTP on the boot network, on the machine that has the\n"
	       "address boot.server; needs root. The first start makes the site key and the ssh\n"
	       "key in the state directory. Changes of the site are taken over while it runs.\n"
	       "A line per stage of a machine that boots; with --json an object per line: event "
	       "is\n"
	       "serving (url, interface), boot (node, stage, percent, reason), refused (node,\n"
	       "reason) or stranger (mac, asked).",
	.run = run,
};
