/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "daemon/pins.h"
#include "programs/command.h"
#include "programs/takeover.h"
#include "remote/keys.h"

/* Both take the FILE, and the site for its name and its state directory. */
static int with_file(const struct options *options, int argc, char **argv, const char *name,
		     int (*work)(const char *state_dir, const char *site, const char *path,
				 struct err *err))
{
	struct err err = ERR_INIT;
	struct site site;
	if (argc != 1) {
		err_set(&err, "%s takes one argument, the FILE", name);
		return command_fail(&err);
	}
	if (command_site(options, &site) != 0)
		return EXIT_ERROR;
	AUTO_FREE char *state = command_state_dir(options, &site);
	int code = EXIT_ERROR;
	if (state != NULL)
		code = work(state, site.name, argv[0], &err) == 0 ? EXIT_OK : command_fail(&err);
	site_free(&site);
	return code;
}

static char *record_path(const char *state_dir)
{
	return xasprintf("%s/takeover.json", state_dir);
}

/* Who has taken over, and its key: NULLs where nobody has. */
static int collect(const char *state_dir, struct keys_manager *manager, struct err *err)
{
	AUTO_FREE char *path = record_path(state_dir);
	AUTO_STR struct str pin = STR_INIT;
	struct takeover takeover;
	if (takeover_read(state_dir, &takeover, err) != 0)
		return -1;
	int rc = 0;
	if (takeover.node != NULL) {
		json_t *record = json_load_file(path, 0, NULL);
		manager->record = json_dumps(record, JSON_COMPACT);
		json_decref(record);
		rc = takeover_pin(state_dir, &takeover, &pin, err);
	}
	if (pin.length > 0)
		manager->pin = str_take(&pin);
	takeover_free(&takeover);
	return rc;
}

static int save(const char *state_dir, const char *site, const char *path, struct err *err)
{
	struct keys_manager manager = { 0 };
	int rc = collect(state_dir, &manager, err);
	if (rc == 0)
		rc = keys_backup(state_dir, site, path, &manager, err);
	keys_manager_free(&manager);
	return rc;
}

/* What this machine knows itself stays. */
static int keep(const char *state_dir, const struct keys_manager *manager, struct err *err)
{
	AUTO_FREE char *path = record_path(state_dir);
	AUTO_STR struct str known = STR_INIT;
	struct takeover takeover;
	if (manager->record == NULL || file_exists(path))
		return 0;
	AUTO_FREE char *line = xasprintf("%s\n", manager->record);
	if (file_write(path, line, strlen(line), 0644, err) != 0 ||
	    takeover_read(state_dir, &takeover, err) != 0)
		return -1;
	int rc = takeover_pin(state_dir, &takeover, &known, err);
	const char *key = manager->pin ? strchr(manager->pin, ' ') : NULL;
	if (rc == 0 && known.length == 0 && key != NULL)
		rc = pins_set(state_dir, takeover.node, takeover.address, key + 1,
			      "it came with the keys (moyai key restore)", time(NULL), NULL, err);
	takeover_free(&takeover);
	return rc;
}

static int take(const char *state_dir, const char *site, const char *path, struct err *err)
{
	struct keys_manager manager = { 0 };
	int rc = keys_restore(state_dir, site, path, &manager, err);
	if (rc == 0)
		rc = keep(state_dir, &manager, err);
	keys_manager_free(&manager);
	return rc;
}

static int backup(const struct options *options, int argc, char **argv)
{
	return with_file(options, argc, argv, "key backup", save);
}

static int restore(const struct options *options, int argc, char **argv)
{
	return with_file(options, argc, argv, "key restore", take);
}

const struct command command_key_backup = {
	.name = "key backup",
	.usage = "FILE",
	.summary = "copy the keys of the site into a new file",
	.doc = "Copies the site key and the ssh key into FILE, mode 0600; a file that is there is\n"
	       "not overwritten. Where a cluster manager has taken over, who it is goes with them. "
	       "Whoever has it is root on every node: keep it in a safe place,\n"
	       "and out of git.",
	.run = backup,
};

const struct command command_key_restore = {
	.name = "key restore",
	.usage = "FILE",
	.summary = "put the keys of a backup into the state directory",
	.doc = "Puts the keys of FILE into the state directory of this machine or account, and\n"
	       "refuses when other keys are there.",
	.run = restore,
};
