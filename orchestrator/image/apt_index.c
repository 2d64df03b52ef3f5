/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/apt_index.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/run.h"

enum { IN_RELEASE_MAX_BYTES = 4 * 1024 * 1024, FIELDS = 7 };

/* "…_dists_bookworm_main_binary-amd64_Packages.lz4" → "…_dists_bookworm_InRelease" */
static char *in_release_path(const char *packages, const char *component)
{
	AUTO_FREE char *behind = xasprintf("_%s_binary-", component);
	for (char *c = behind; *c; c++)
		if (*c == '/')
			*c = '_';
	const char *cut = strstr(packages, behind);
	if (cut == NULL)
		return NULL;
	AUTO_FREE char *stem = xstrndup(packages, (size_t)(cut - packages));
	return xasprintf("%s_InRelease", stem);
}

/* "Date: Sat, 15 Nov 2026 08:14:33 UTC" */
static int in_release_date(const char *path, int64_t *date, struct err *err)
{
	AUTO_STR struct str text = STR_INIT;
	struct tm tm = { 0 };
	if (file_read(path, IN_RELEASE_MAX_BYTES, &text, err) != 0)
		return -1;
	const char *line = strstr(str_text(&text), "\nDate: ");
	if (line == NULL || strptime(line + 7, "%a, %d %b %Y %H:%M:%S", &tm) == NULL)
		return err_set(err, "%s: no Date", path);
	*date = timegm(&tm);
	return 0;
}

/* A suite, and what belongs to it: bookworm, bookworm-updates, bookworm-security. */
static bool of_suite(const char *release, const char *suite)
{
	size_t length = strlen(suite);
	if (strncmp(release, suite, length) != 0)
		return false;
	return release[length] == '\0' || strcmp(release + length, "-updates") == 0 ||
	       strcmp(release + length, "-security") == 0;
}

static int add_source(struct apt_index *index, char *const field[FIELDS], const char *suite,
		      struct err *err)
{
	if (strcmp(field[3], "Debian") != 0 || !of_suite(field[1], suite))
		return 0;
	if (strcmp(field[4], "yes") != 0)
		return err_set(err, "%s %s: apt does not trust this source", field[0], field[1]);
	AUTO_FREE char *in_release = in_release_path(field[5], field[2]);
	if (in_release == NULL || !file_exists(in_release))
		return err_set(err, "%s %s: there is no InRelease file; run apt-get update",
			       field[0], field[1]);
	int64_t date = 0;
	if (in_release_date(in_release, &date, err) != 0)
		return -1;
	if (date > index->epoch)
		index->epoch = date;
	index->sources = xrealloc(index->sources, index->count + 1, sizeof(*index->sources));
	index->sources[index->count++] = (struct apt_source){
		.uri = xstrdup(field[0]),
		.release = xstrdup(field[1]),
		.component = xstrdup(field[2]),
		.packages = xstrdup(field[5]),
		.in_release = xstrdup(in_release),
	};
	return 0;
}

/* apt itself says what its configuration means: no second parser of sources. */
int apt_index_read(const char *suite, struct apt_index *index, struct err *err)
{
	static const char format[] =
		"$(REPO_URI)\t$(RELEASE)\t$(COMPONENT)\t$(ORIGIN)\t$(TRUSTED)\t$(FILENAME)\t";
	struct apt_index read = { 0 };
	AUTO_STR struct str out = STR_INIT;
	struct run run = { .argv = RUN_ARGV("apt-get", "indextargets", "--format", format,
					    "Created-By: Packages"),
			   .reads_only = 1 };
	if (run_ok(&run, &out, err) != 0)
		return -1;
	char *at = out.data;
	while (at && *at) {
		char *line = strsep(&at, "\n");
		char *field[FIELDS] = { 0 };
		size_t count = 0;
		while (count < FIELDS && line)
			field[count++] = strsep(&line, "\t");
		if (count == FIELDS && add_source(&read, field, suite, err) != 0) {
			apt_index_free(&read);
			return -1;
		}
	}
	if (read.count == 0)
		return err_set(err,
			       "apt knows no packages of Debian %s on this machine; "
			       "add a source below /etc/apt and run apt-get update",
			       suite);
	*index = read;
	return 0;
}

void apt_index_free(struct apt_index *index)
{
	for (size_t i = 0; index && i < index->count; i++) {
		free(index->sources[i].uri);
		free(index->sources[i].release);
		free(index->sources[i].component);
		free(index->sources[i].packages);
		free(index->sources[i].in_release);
	}
	if (index) {
		free(index->sources);
		*index = (struct apt_index){ 0 };
	}
}
