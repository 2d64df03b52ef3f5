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
	struct reach *reach;
	const struct cluster *cluster;
	struct host *host; /* the frontend's; NULL: it has to be looked for */
	struct cluster_progress progress;
	/* Of each guest: what was said of it last, and how far it has been. */
	struct seen {
		char text[sizeof(((struct cluster_stage *)0)->text)];
		unsigned rank;
	} * seen;
	time_t began;
	time_t further; /* when one of them was last further than before */
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
				    stage->text, "ready", (int)(stage->ready || !stage->told)));
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

/* A node that boots again and again gets no further. */
static void show_changes(struct wait *wait)
{
	for (size_t i = 0; i < wait->progress.count; i++) {
		const struct cluster_stage *stage = &wait->progress.items[i];
		struct seen *seen = &wait->seen[i];
		if (stage->rank > seen->rank) {
			seen->rank = stage->rank;
			wait->further = now_s();
		}
		if (text_equal(seen->text, stage->text))
			continue;
		memcpy(seen->text, stage->text, sizeof(stage->text));
		show_stage(wait, stage);
		note_stage(wait->options->notes, stage);
	}
}

static int finish(const struct wait *wait)
{
	size_t nodes = 0;
	for (size_t i = 1; i < wait->progress.count; i++)
		nodes += wait->progress.items[i].told;
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
	AUTO_STR struct str reason = STR_INIT;
	const char *first = NULL;
	show_safe(&reason, why); /* it may be a frontend's */
	for (size_t i = 0; i < wait->progress.count; i++) {
		const struct cluster_stage *stage = &wait->progress.items[i];
		if (stage->ready || !stage->told)
			continue;
		str_addf(&list, "%s%s (%s)", first ? ", " : "", stage->guest->name, stage->text);
		first = first ? first : stage->guest->name;
	}
	fprintf(stderr,
		"moyai: %s: %s; not ready: %s. Its guests go on by themselves: moyai cluster wait "
		"%s; moyai cluster console %s %s shows one of them\n",
		wait->cluster->name, str_text(&reason), str_text(&list), wait->cluster->name,
		wait->cluster->name, first ? first : "frontend");
	return EXIT_ERROR;
}

/* It may have moved, been stopped, or its host be away for a while. 1: nobody has it, and all have said so. */
static int look_for_it(struct wait *wait)
{
	wait->host = NULL;
	if (cluster_hosts_ask(wait->options, wait->reach) != 0)
		return -1;
	struct cluster_seen seen = cluster_hosts_look(wait->reach, &wait->cluster->guests[0]);
	int rc = seen.hosts.count == 0 && seen.silent == 0;
	if (seen.hosts.count == 1)
		wait->host = cluster_hosts_host(wait->reach, seen.hosts.items[0]);
	cluster_seen_free(&seen);
	return rc;
}

static int wait_for(struct wait *wait)
{
	struct err err = ERR_INIT;
	for (;;) {
		int found = wait->host ? 0 : look_for_it(wait);
		if (found < 0)
			return EXIT_ERROR;
		if (reach_stopped(wait->reach))
			return give_up(wait, "interrupted");
		if (found > 0)
			return give_up(wait, "its frontend runs nowhere");
		bool well = wait->host && cluster_progress_ask(wait->reach, wait->host,
							       &wait->progress, &err) == 0;
		show_changes(wait);
		if (well && cluster_progress_ready(&wait->progress))
			return finish(wait);
		if (now_s() - wait->further > PATIENCE_S)
			return give_up(wait,
				       well ? "none has got further for 10 minutes" : err.text);
		if (!well)
			wait->host = NULL;
		nanosleep(&(struct timespec){ .tv_sec = PAUSE_S }, NULL);
	}
}

static int wait_cluster(const struct options *options, struct reach *reach,
			const struct cluster *cluster)
{
	struct wait wait = { .options = options,
			     .reach = reach,
			     .cluster = cluster,
			     .began = now_s(),
			     .further = now_s() };
	cluster_progress_init(&wait.progress, cluster);
	wait.seen = xcalloc(wait.progress.count, sizeof(*wait.seen));
	int result = wait_for(&wait);
	free(wait.seen);
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
	       "ready; with 1 when none has got further for ten minutes, and says who is not.",
	.run = run,
	.options = OPTIONS_REACH | OPTION_REVISION,
};
