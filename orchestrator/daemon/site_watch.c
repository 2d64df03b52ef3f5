/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/site_watch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "model/images.h"

/* FNV-1a (Fowler, Noll, Vo): mixing is enough, nobody attacks a stamp. */
static uint64_t mix(uint64_t stamp, const void *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		stamp = (stamp ^ ((const uint8_t *)bytes)[i]) * 1099511628211ULL;
	return stamp;
}

static uint64_t mix_file(uint64_t stamp, const char *path)
{
	struct stat status;
	stamp = mix(stamp, path, strlen(path));
	if (stat(path, &status) != 0)
		return stamp;
	stamp = mix(stamp, &status.st_ino, sizeof(status.st_ino));
	stamp = mix(stamp, &status.st_size, sizeof(status.st_size));
	return mix(stamp, &status.st_mtim, sizeof(status.st_mtim));
}

static uint64_t mix_dir(uint64_t stamp, const char *dir, const char *below)
{
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	if (file_list_dir(dir, &names, NULL) != 0)
		return stamp;
	for (size_t i = 0; i < names.count; i++) {
		AUTO_FREE char *path = xasprintf("%s/%s%s", dir, names.items[i], below);
		stamp = mix_file(stamp, path);
	}
	return stamp;
}

uint64_t site_stamp(const char *site_dir, const struct text_list *files)
{
	static const char *const FILES[] = { "site.cfg", IMAGES_FILE };
	static const struct {
		const char *folder, *below;
	} FOLDERS[] = { { CLUSTER_FOLDER, "" },
			{ ALLOCATION_FOLDER, "" },
			{ "roles", "/role.cfg" },
			{ "roles/rolls", "/roll.cfg" } };
	uint64_t stamp = 14695981039346656037ULL;
	for (size_t i = 0; i < COUNT_OF(FILES); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", site_dir, FILES[i]);
		stamp = mix_file(stamp, path);
	}
	for (size_t i = 0; i < COUNT_OF(FOLDERS); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", site_dir, FOLDERS[i].folder);
		stamp = mix_dir(stamp, path, FOLDERS[i].below);
	}
	for (size_t i = 0; i < files->count; i++) {
		const char *name = files->items[i];
		AUTO_FREE char *path =
			name[0] == '/' ? xstrdup(name) : xasprintf("%s/%s", site_dir, name);
		stamp = mix_file(stamp, path);
	}
	return stamp;
}

int site_reread(const char *site_dir, const char *share_dir, struct site *site,
		struct text_list *files)
{
	struct mistakes mistakes = MISTAKES_INIT;
	struct err err = ERR_INIT;
	AUTO_STR struct str text = STR_INIT;
	int rc = site_read(site_dir, share_dir, site, &mistakes, &err);
	if (rc == 0) {
		text_list_free(files);
		text_list_copy(files, &site->files);
	}
	if (rc != 0) {
		log_line("the site changed and cannot be read; the last good one stays: %s",
			 err.text);
	} else if (mistakes.count > 0) {
		mistakes_sort(&mistakes, &site->files);
		mistakes_print(&mistakes, &text);
		log_line("the site changed and has mistakes; the last good one stays:\n%s",
			 str_text(&text));
		site_free(site);
		rc = -1;
	}
	mistakes_free(&mistakes);
	return rc;
}
