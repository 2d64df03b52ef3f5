/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/library.h"

#include <dlfcn.h>
#include <string.h>

int library_load(const char *name, const struct library_function *functions, struct err *err)
{
	void *library = dlopen(name, RTLD_NOW); /* once more is the same one */
	if (library == NULL)
		return err_set(err, "%s", dlerror());
	for (const struct library_function *at = functions; at->name; at++) {
		void *found = dlsym(library, at->name);
		if (found == NULL)
			return err_set(err, "%s has no %s", name, at->name);
		memcpy(at->pointer, &found, sizeof(found));
	}
	return 0;
}
