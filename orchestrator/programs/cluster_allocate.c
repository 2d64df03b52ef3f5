/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "programs/cluster.h"
#include "programs/show.h"
#include "programs/site_edit.h"

static int write_record(const struct options *options, const char *file, const char *text,
			struct err *err)
{
	AUTO_FREE char *folder = xasprintf("%s/" ALLOCATION_FOLDER, options->site_dir);
	AUTO_FREE char *path = xasprintf("%s/%s", options->site_dir, file);
	if (file_make_dirs(folder, 0755, err) != 0)
		return -1;
	return file_write(path, text, strlen(text), 0644, err);
}

/* What one run of the command does. */
struct records {
	const struct options *options;
	bool uncommitted; /* something is that an earlier try has left */
	size_t written;
	struct text_list files; /* to be committed… */
	struct text_list names; /* …of these clusters */
};

/* One cluster's record, when it is not what it should be. */
static int record(struct records *records, const struct cluster *cluster,
		  const struct allocation *made, struct err *err)
{
	const struct options *options = records->options;
	AUTO_FREE char *file = xasprintf(ALLOCATION_FOLDER "/%s.cfg", cluster->name);
	AUTO_STR struct str before = STR_INIT;
	AUTO_STR struct str after = STR_INIT;
	AUTO_STR struct str shown = STR_INIT;
	cluster_command_records(cluster, made, &before, &after);
	bool same = text_equal(str_text(&before), str_text(&after));
	site_edit_diff(file, str_text(&before), str_text(&after), &shown);
	if (options->json) {
		str_clear(&shown);
		show_json_line(&shown,
			       json_pack("{s:s, s:s, s:s, s:b}", "event", "allocated", "cluster",
					 cluster->name, "file", file, "changed", !same));
	}
	fputs(str_text(&shown), stdout);
	if (same) {
		bool left = records->uncommitted && after.length > 0;
		if (left && site_edit_uncommitted(options, file, &left, err) != 0)
			return -1;
		if (!left)
			return 0;
	} else {
		if (write_record(options, file, str_text(&after), err) != 0)
			return -1;
		records->written++;
	}
	/* Neither is whole without the other. */
	text_list_take(&records->files, xasprintf(CLUSTER_FOLDER "/%s.cfg", cluster->name));
	text_list_add(&records->files, file);
	text_list_add(&records->names, cluster->name);
	return 0;
}

static int commit(const struct records *records, struct err *err)
{
	AUTO_STR struct str names = STR_INIT;
	for (size_t i = 0; i < records->names.count; i++)
		str_addf(&names, "%s %s", i ? "," : "", records->names.items[i]);
	fflush(stdout);
	if (records->written == 0 && !records->options->json)
		fprintf(stderr, "nothing changes%s%s\n",
			names.length ? "; committed is what was recorded before of" : "",
			str_text(&names));
	if (names.length == 0)
		return 0;
	AUTO_FREE char *message = xasprintf("Allocation of%s", str_text(&names));
	return site_edit_commit(records->options, &records->files, message, err);
}

static int record_all(const struct options *options, const struct site *site,
		      const struct allocations *allocations, int argc, char **argv, struct err *err)
{
	struct records records = { .options = options };
	size_t count;
	size_t *chosen = cluster_command_choose(site, argc, argv, &count, err);
	int rc = chosen ? site_edit_uncommitted(options, ALLOCATION_FOLDER, &records.uncommitted,
						err)
			: -1;
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = record(&records, &site->clusters[chosen[i]], &allocations->items[chosen[i]],
			    err);
	if (rc == 0)
		rc = commit(&records, err);
	free(chosen);
	text_list_free(&records.files);
	text_list_free(&records.names);
	return rc;
}

static int run(const struct options *options, int argc, char **argv)
{
	struct site site;
	struct allocations allocations;
	struct err err = ERR_INIT;
	AUTO_CLOSE int turn = site_edit_begin(options, &err);
	if (turn < 0)
		return command_fail(&err);
	if (cluster_command_read(options, &site, &allocations) != 0)
		return EXIT_ERROR;
	int rc = record_all(options, &site, &allocations, argc, argv, &err);
	if (rc != 0)
		command_fail(&err);
	allocations_free(&allocations);
	site_free(&site);
	return rc == 0 ? EXIT_OK : EXIT_ERROR;
}

const struct command command_cluster_allocate = {
	.name = "cluster allocate",
	.usage = "[CLUSTER…]",
	.summary = "decide and record what the clusters' files leave open",
	.doc = "VLAN, addresses, MAC addresses, where each disk is cut from and the host that "
	       "each\n"
	       "guest is placed on first are decided once, and recorded in allocations/NAME.cfg.\n"
	       "What is recorded stays; what is missing, or was taken out, is decided anew. The\n"
	       "difference is shown, and in a git repository the record is committed together\n"
	       "with clusters/NAME.cfg.",
	.run = run,
};
