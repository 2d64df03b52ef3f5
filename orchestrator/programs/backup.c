/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "daemon/store.h"
#include "programs/command.h"
#include "programs/reach.h"
#include "programs/takeover.h"
#include "remote/keys.h"

enum { ARCHIVE_MAX_BYTES = 1024 * 1024 * 1024 };

/* From the manager where one has taken over, on the manager itself, or of what is here. */
static int collect(const struct options *options, const struct reach *reach, const char *file,
		   struct str *archive, struct err *err)
{
	struct takeover takeover;
	AUTO_FREE char *local = xasprintf("%s.part", file);
	if (takeover_read(reach->state_dir, &takeover, err) != 0)
		return -1;
	int rc;
	if (takeover.node != NULL) {
		rc = takeover_export(&takeover, &reach->remote.ssh, reach->remote.stop, archive,
				     err);
		if (rc != 0)
			err_context(err, "%s", takeover.node);
	} else {
		AUTO_FREE char *git = xasprintf("%s/site.git", takeover_store());
		bool manager = takeover_is_here(reach->state_dir);
		rc = store_pack(manager ? git : options->site_dir, NULL, reach->state_dir, local,
				err);
		if (rc == 0)
			rc = file_read(local, ARCHIVE_MAX_BYTES, archive, err);
		file_remove(local, NULL);
	}
	takeover_free(&takeover);
	return rc;
}

static int run(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct reach reach;
	AUTO_STR struct str archive = STR_INIT;
	int result = EXIT_ERROR;
	if (argc != 1) {
		err_set(&err, "backup: name the file to write");
		return command_fail(&err);
	}
	if (file_exists(argv[0])) {
		err_set(&err, "%s: is there already, and is not overwritten", argv[0]);
		return command_fail(&err);
	}
	if (reach_open(options, NULL, NULL, &reach) == 0) {
		progress_close(&reach.progress);
		if (collect(options, &reach, argv[0], &archive, &err) != 0 ||
		    file_write(argv[0], str_text(&archive), archive.length, 0600, &err) != 0 ||
		    keys_note_backup(reach.state_dir, argv[0], &err) != 0)
			command_fail(&err);
		else
			result = EXIT_OK;
	}
	if (archive.length > 0)
		explicit_bzero(archive.data, archive.length);
	reach_close(&reach);
	if (result == EXIT_OK)
		fprintf(stderr, "%s has the site and its keys: keep it as you keep a key\n",
			argv[0]);
	return result;
}

const struct command command_backup = {
	.name = "backup",
	.usage = "FILE",
	.summary = "write the site's repository, its keys and state to FILE (not the images)",
	.doc = "The file holds the keys of the site: it is made with mode 0600, and never over "
	       "another\n"
	       "one. Where a cluster manager has taken over, it is asked of it.",
	.run = run,
};
