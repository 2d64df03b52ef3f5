/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "programs/cluster.h"
#include "programs/cluster_hosts.h"
#include "programs/cluster_progress.h"
#include "programs/show.h"
#include "programs/timeline.h"

/* A frontend that takes its image from a disk says nothing for a while; in emulation that is minutes. */
enum { PATIENCE_S = 600, PAUSE_S = 2 };

struct wait {
	const struct options *options;
	const struct reach *reach;
	const struct cluster *cluster;
	struct host *host; /* the frontend's */
	struct cluster_progress progress;
	char (*shown)[sizeof(((struct cluster_stage *)0)->text)]; /* of each guest */
	time_t began;
	time_t changed;
};

static time_t now_s(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static void show_stage(const struct wait *wait, const struct cluster_stage *stage)
{
	if (wait->options->json)
		show_json(json_pack("{s:s, s:s, s:s, s:s, s:b}", "event", "stage", "cluster",
				    wait->cluster->name, "guest", stage->guest->id, "stage",
				    stage->text, "ready", (int)stage->ready));
	else
		fprintf(stderr, "%-20s %s\n", stage->guest->id, stage->text);
	fflush(stdout);
}

/* Without the percent of an image. */
static void note_stage(struct timeline *notes, const struct cluster_stage *stage)
{
	AUTO_FREE char *word = xstrndup(stage->text, strcspn(stage->text, " "));
	if (notes != NULL && !text_equal(word, "-"))
		timeline_stage(notes, stage->guest->id, stage->ready ? NULL : word);
}

static void show_changes(struct wait *wait)
{
	for (size_t i = 0; i < wait->progress.count; i++) {
		const struct cluster_stage *stage = &wait->progress.items[i];
		if (text_equal(wait->shown[i], stage->text))
			continue;
		memcpy(wait->shown[i], stage->text, sizeof(stage->text));
		wait->changed = now_s();
		show_stage(wait, stage);
		note_stage(wait->options->notes, stage);
	}
}

static int finish(const struct wait *wait)
{
	size_t nodes = wait->progress.count - 1;
	long long seconds = (long long)(now_s() - wait->began);
	if (wait->options->notes != NULL)
		timeline_ready(wait->options->notes);
	if (wait->options->json)
		show_json(json_pack("{s:s, s:s, s:I}", "event", "ready", "cluster",
				    wait->cluster->name, "seconds", (json_int_t)seconds));
	else
		printf("%s: ready, the frontend and %zu node%s, after %lld s\n",
		       wait->cluster->name, nodes, nodes == 1 ? "" : "s", seconds);
	return EXIT_OK;
}

/* Who is not ready, and what it was last seen at. */
static int give_up(const struct wait *wait, const char *why)
{
	AUTO_STR struct str list = STR_INIT;
	const char *first = NULL;
	for (size_t i = 0; i < wait->progress.count; i++) {
		const struct cluster_stage *stage = &wait->progress.items[i];
		if (stage->ready)
			continue;
		str_addf(&list, "%s%s (%s)", first ? ", " : "", stage->guest->name, stage->text);
		first = first ? first : stage->guest->name;
	}
	fprintf(stderr,
		"moyai: %s: %s; not ready: %s. Its guests go on by themselves: moyai cluster wait "
		"%s; moyai cluster console %s %s shows one of them\n",
		wait->cluster->name, why, str_text(&list), wait->cluster->name, wait->cluster->name,
		first ? first : "frontend");
	return EXIT_ERROR;
}

static int wait_for(struct wait *wait)
{
	for (;;) {
		struct err err = ERR_INIT;
		bool answers =
			cluster_progress_ask(wait->reach, wait->host, &wait->progress, &err) == 0;
		show_changes(wait);
		if (answers && cluster_progress_ready(&wait->progress))
			return finish(wait);
		if (reach_stopped(wait->reach))
			return give_up(wait, "interrupted");
		if (now_s() - wait->changed > PATIENCE_S)
			return give_up(wait,
				       answers ? "nothing has changed for 10 minutes" : err.text);
		nanosleep(&(struct timespec){ .tv_sec = PAUSE_S }, NULL);
	}
}

static int wait_cluster(const struct options *options, struct reach *reach,
			const struct cluster *cluster)
{
	AUTO_FREE char *name = cluster_hosts_find(options, reach, &cluster->guests[0]);
	struct wait wait = { .options = options,
			     .reach = reach,
			     .cluster = cluster,
			     .host = name ? cluster_hosts_host(reach, name) : NULL,
			     .began = now_s(),
			     .changed = now_s() };
	if (wait.host == NULL)
		return EXIT_ERROR;
	cluster_progress_init(&wait.progress, cluster);
	wait.shown = xcalloc(wait.progress.count, sizeof(*wait.shown));
	int result = wait_for(&wait);
	free(wait.shown);
	cluster_progress_free(&wait.progress);
	return result;
}

static int check(const struct cluster *cluster, struct err *err)
{
	if (!text_equal(cluster->state, "running"))
		return err_set(err, "cluster \"%s\" is %s; moyai cluster start %s", cluster->name,
			       cluster->state, cluster->name);
	if (!cluster_progress_told(cluster))
		return err_set(err,
			       "cluster \"%s\": its frontend's appliance %s tells nothing; moyai "
			       "cluster status says what runs",
			       cluster->name, cluster->frontend.appliance);
	return 0;
}

int cluster_wait(const struct options *options, const char *name)
{
	struct reach reach;
	struct err err = ERR_INIT;
	int result = EXIT_ERROR;
	if (reach_site(options, NULL, NULL, &reach) == 0) {
		const struct cluster *cluster = cluster_named(&reach.site, name, &err);
		if (cluster == NULL || check(cluster, &err) != 0)
			command_fail(&err);
		else
			result = wait_cluster(options, &reach, cluster);
	}
	reach_close(&reach);
	return result;
}

static int run(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	if (argc == 1)
		return cluster_wait(options, argv[0]);
	err_set(&err,
		argc ? "cluster wait takes one cluster; \"%s\" is a second one"
		     : "cluster wait: write the name of a cluster; moyai cluster list shows them",
		argc ? argv[1] : "");
	return command_fail(&err);
}

const struct command command_cluster_wait = {
	.name = "cluster wait",
	.usage = "CLUSTER",
	.summary = "until a virtual cluster is ready, with how far each guest is",
	.doc = "The frontend is asked through its host: whether it serves, how far each node is "
	       "that\n"
	       "starts from it, and which have joined, that is, have users, names and keys. "
	       "Nodes\n"
	       "with boot = \"golden\" start by themselves and are not waited for. Ends when all "
	       "are\n"
	       "ready; with 1 when nothing has changed for ten minutes, and says who is not.",
	.run = run,
	.options = OPTIONS_REACH | OPTION_REVISION,
};
