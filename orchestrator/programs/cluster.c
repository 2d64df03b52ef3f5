/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/cluster.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "model/near.h"
#include "programs/show.h"
#include "programs/site_edit.h"

static int close_nodes(const struct options *options, struct site *site, struct err *err)
{
	struct runtime runtime;
	AUTO_FREE char *state_dir = command_state_dir(options, site);
	if (state_dir == NULL || runtime_read(state_dir, &runtime, err) != 0)
		return -1;
	runtime_close(&runtime, site);
	runtime_free(&runtime);
	return 0;
}

static int read_and_allocate(const struct options *options, struct site *site,
			     struct allocations *allocations, bool decides)
{
	struct mistakes mistakes = MISTAKES_INIT;
	struct err err = ERR_INIT;
	if (command_site(options, site) != 0)
		return -1;
	*allocations = (struct allocations){ 0 };
	int rc = decides ? close_nodes(options, site, &err) : 0;
	if (rc == 0)
		rc = allocate(site, allocations, &mistakes, &err);
	if (rc != 0)
		command_fail(&err);
	/* What is wrong in any case command_site() has told: these are for now. */
	else if (mistakes.count > 0)
		command_print_mistakes(&mistakes, options->json);
	if (rc == 0 && mistakes.count == 0)
		return 0;
	mistakes_free(&mistakes);
	allocations_free(allocations);
	site_free(site);
	return -1;
}

int cluster_command_read(const struct options *options, struct site *site,
			 struct allocations *allocations)
{
	return read_and_allocate(options, site, allocations, true);
}

int cluster_command_look(const struct options *options, struct site *site,
			 struct allocations *allocations)
{
	return read_and_allocate(options, site, allocations, false);
}

static int unknown(const struct site *site, const char *name, struct err *err)
{
	AUTO_LIST struct text_list known = TEXT_LIST_INIT;
	AUTO_STR struct str hint = STR_INIT;
	for (size_t i = 0; i < site->cluster_count; i++)
		text_list_add(&known, site->clusters[i].name);
	near_add(name, &known, &hint);
	if (hint.length == 0)
		str_add(&hint, known.count ? "; moyai cluster list shows those there are"
					   : "; the site has none");
	return err_set(err, "there is no cluster \"%s\"%s", name, str_text(&hint));
}

const struct cluster *cluster_named(const struct site *site, const char *name, struct err *err)
{
	const struct cluster *cluster = site_find_cluster(site, name);
	if (cluster == NULL)
		unknown(site, name, err);
	return cluster;
}

const struct cluster_guest *cluster_guest_named(const struct cluster *cluster, const char *name,
						struct err *err)
{
	AUTO_LIST struct text_list known = TEXT_LIST_INIT;
	AUTO_STR struct str hint = STR_INIT;
	for (size_t i = 0; i < cluster->guest_count; i++) {
		if (strcmp(cluster->guests[i].name, name) == 0)
			return &cluster->guests[i];
		text_list_add(&known, cluster->guests[i].name);
	}
	near_add(name, &known, &hint);
	if (hint.length == 0)
		str_addf(&hint, "; moyai cluster show %s lists them", cluster->name);
	err_set(err, "cluster \"%s\" has no guest \"%s\"%s", cluster->name, name, str_text(&hint));
	return NULL;
}

size_t *cluster_command_choose(const struct site *site, int argc, char **argv, size_t *count,
			       struct err *err)
{
	size_t *chosen = xcalloc(site->cluster_count + (size_t)argc, sizeof(*chosen));
	*count = argc > 0 ? (size_t)argc : site->cluster_count;
	for (size_t i = 0; argc == 0 && i < site->cluster_count; i++)
		chosen[i] = i;
	for (int i = 0; i < argc; i++) {
		const struct cluster *cluster = site_find_cluster(site, argv[i]);
		if (cluster == NULL) {
			unknown(site, argv[i], err);
			free(chosen);
			return NULL;
		}
		chosen[i] = (size_t)(cluster - site->clusters);
	}
	return chosen;
}

struct cluster_sum cluster_command_sum(const struct cluster *cluster)
{
	struct cluster_sum sum = { 0, 0, 0 };
	for (size_t i = 0; i < cluster->guest_count; i++) {
		const struct cluster_group *group = cluster->guests[i].group;
		sum.vcpus += group->vcpus;
		sum.memory_bytes += group->memory;
		sum.disk_bytes += group->disk == FIELD_UNSET ? 0 : group->disk;
		sum.disk_bytes += group->scratch == FIELD_UNSET ? 0 : group->scratch;
	}
	return sum;
}

void cluster_command_records(const struct cluster *cluster, const struct allocation *made,
			     struct str *before, struct str *after)
{
	if (cluster->recorded.cluster != NULL)
		allocation_print(&cluster->recorded, before);
	if (made->cluster != NULL)
		allocation_print(made, after);
}

static int write_record(const struct options *options, const char *file, const char *text,
			struct err *err)
{
	AUTO_FREE char *folder = xasprintf("%s/" ALLOCATION_FOLDER, options->site_dir);
	AUTO_FREE char *path = xasprintf("%s/%s", options->site_dir, file);
	if (file_make_dirs(folder, 0755, err) != 0)
		return -1;
	return file_write(path, text, strlen(text), 0644, err);
}

int cluster_command_record(const struct options *options, const struct cluster *cluster,
			   const struct allocation *made, FILE *out, struct err *err)
{
	AUTO_FREE char *file = xasprintf(ALLOCATION_FOLDER "/%s.cfg", cluster->name);
	AUTO_STR struct str before = STR_INIT;
	AUTO_STR struct str after = STR_INIT;
	AUTO_STR struct str shown = STR_INIT;
	cluster_command_records(cluster, made, &before, &after);
	bool changed = !text_equal(str_text(&before), str_text(&after));
	if (options->json)
		show_json_line(&shown,
			       json_pack("{s:s, s:s, s:s, s:b}", "event", "allocated", "cluster",
					 cluster->name, "file", file, "changed", (int)changed));
	else
		site_edit_diff(file, str_text(&before), str_text(&after), &shown);
	fputs(str_text(&shown), options->json ? stdout : out);
	if (!changed)
		return 0;
	return write_record(options, file, str_text(&after), err) == 0 ? 1 : -1;
}
