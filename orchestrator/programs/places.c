/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/places.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

/* The folder of the program that runs, NULL when it cannot be known. */
static char *own_folder(void)
{
	char exe[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	if (length <= 0)
		return NULL;
	exe[length] = '\0';
	char *slash = strrchr(exe, '/');
	return slash ? xstrndup(exe, (size_t)(slash - exe)) : NULL;
}

/* The folder above it: the source tree or the prefix. */
static char *parent(const char *folder)
{
	const char *slash = strrchr(folder, '/');
	return xstrndup(folder, (size_t)(slash - folder));
}

char *places_share(void)
{
	AUTO_FREE char *own = own_folder();
	if (own == NULL)
		return xstrdup("/usr/share/moyai");
	AUTO_FREE char *above = parent(own);
	AUTO_FREE char *roles = xasprintf("%s/roles", above);
	return file_exists(roles) ? xstrdup(above) : xasprintf("%s/share/moyai", above);
}

char *places_images(void)
{
	AUTO_FREE char *own = own_folder();
	AUTO_FREE char *objects = own ? xasprintf("%s/libshared.a", own) : NULL;
	if (objects && file_exists(objects))
		return xasprintf("%s/images", own);
	return xstrdup("/var/lib/moyai/images");
}

char *places_for_nodes(const char *file)
{
	AUTO_FREE char *own = own_folder();
	AUTO_FREE char *beside = own ? xasprintf("%s/%s", own, file) : NULL;
	if (beside == NULL)
		return xasprintf("/usr/lib/moyai/%s", file);
	if (file_exists(beside))
		return xstrdup(beside);
	AUTO_FREE char *above = parent(own);
	return xasprintf("%s/lib/moyai/%s", above, file);
}
