/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/cluster_progress.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/boot.h"

#define NOBODY_SAYS "-"

bool cluster_progress_told(const struct cluster *cluster)
{
	return !cluster->guests[0].group->alone;
}

void cluster_progress_init(struct cluster_progress *progress, const struct cluster *cluster)
{
	*progress = (struct cluster_progress){
		.items = xcalloc(cluster->guest_count, sizeof(*progress->items)),
		.count = cluster->guest_count,
	};
	for (size_t i = 0; i < cluster->guest_count; i++) {
		const struct cluster_guest *guest = &cluster->guests[i];
		struct cluster_stage *stage = &progress->items[i];
		bool told = cluster_progress_told(cluster) &&
			    (cluster_is_frontend(guest) || cluster_starts_from_frontend(guest));
		*stage = (struct cluster_stage){ .guest = guest, .told = told };
		snprintf(stage->text, sizeof(stage->text), "%s", told ? "starts" : NOBODY_SAYS);
	}
}

void cluster_progress_free(struct cluster_progress *progress)
{
	free(progress->items);
	*progress = (struct cluster_progress){ .count = 0 };
}

bool cluster_progress_ready(const struct cluster_progress *progress)
{
	for (size_t i = 0; i < progress->count; i++)
		if (progress->items[i].told && !progress->items[i].ready)
			return false;
	return true;
}

/* One word of the line, which is cut there; NULL at its end. */
static char *word(char **line)
{
	char *found = NULL;
	while (found == NULL || (*found == '\0' && *line != NULL)) {
		if (*line == NULL)
			return NULL;
		found = strsep(line, " ");
	}
	return *found ? found : NULL;
}

/* The words are its owner's: only those that are known are shown. */
static void set_stage(struct cluster_stage *stage, const char *name, const char *percent)
{
	bool frontend = cluster_is_frontend(stage->guest);
	enum boot_stage boot = frontend ? BOOT_NONE : boot_stage_parse(name);
	bool ready = text_equal(name, frontend ? "ready" : "joined");
	unsigned long done = percent ? strtoul(percent, NULL, 10) : 101;
	if (!ready && !text_equal(name, "starts") && boot == BOOT_NONE)
		return;
	stage->ready = ready;
	stage->rank = ready ? UINT_MAX : boot == BOOT_FAILED ? 0 : (unsigned)boot * 101;
	if (boot == BOOT_IMAGE && done <= 100) {
		stage->rank += (unsigned)done;
		snprintf(stage->text, sizeof(stage->text), "%s %lu %%", name, done);
	} else {
		snprintf(stage->text, sizeof(stage->text), "%s", name);
	}
}

/* "NAME STAGE [PERCENT]" */
static void take(struct cluster_progress *progress, char *line)
{
	const char *name = word(&line);
	const char *stage = word(&line);
	const char *percent = word(&line);
	for (size_t i = 0; name && stage && i < progress->count; i++)
		if (progress->items[i].told && text_equal(progress->items[i].guest->name, name))
			set_stage(&progress->items[i], stage, percent);
}

int cluster_progress_ask(const struct reach *reach, struct host *host,
			 struct cluster_progress *progress, struct err *err)
{
	AUTO_STR struct str request = STR_INIT;
	request_ask(&request, "guest", progress->items[0].guest->id);
	if (host_ask(host, &reach->remote, &request, err) != 0)
		return -1;
	AUTO_FREE char *text = xstrdup(str_text(&host->out));
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));)
		take(progress, line);
	return 0;
}
