/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/who.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/str.h"

char *who_am_i(void)
{
	char host[256] = "";
	const char *name = getenv("SUDO_USER");
	const struct passwd *account = getpwuid(geteuid());
	if (name == NULL || *name == '\0')
		name = getenv("USER");
	if (name == NULL || *name == '\0')
		name = account ? account->pw_name : "?";
	gethostname(host, sizeof(host) - 1);
	return xasprintf("%s@%s", name, host);
}
