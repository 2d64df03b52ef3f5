/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef IMAGE_APT_INDEX_H
#define IMAGE_APT_INDEX_H
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
/*
 * Where packages come from: the index files that the build machine's own apt
 * has fetched and verified, of Debian only, whatever else the machine uses.
 * The index is identified by its InRelease files. It moves on when the operator
 * runs `apt-get update`, never by itself.
 */
struct apt_index {
	struct apt_source {
		char *uri;	  /* "http://deb.debian.org/debian/" */
		char *release;	  /* "bookworm-updates" */
		char *component;  /* "main" */
		char *packages;	  /* file: Packages, maybe compressed */
		char *in_release; /* file: InRelease */
	} * sources;
	size_t count;
	int64_t epoch; /* the latest Date of the InRelease files: SOURCE_DATE_EPOCH */
};
int apt_index_read(const char *suite, struct apt_index *index, struct err *err);
void apt_index_free(struct apt_index *index);
#endif
