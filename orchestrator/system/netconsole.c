/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/netconsole.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/run.h"
#include "base/str.h"
#include "system/configfs.h"
#include "system/sysfs.h"

#define CONFIGFS "/sys/kernel/config"
#define TARGET CONFIGFS "/netconsole/moyai"
#define LINK "boot0"
enum { WORD_MAX = 63 };

char *netconsole_read(void)
{
	AUTO_FREE char *address = configfs_read(TARGET, "remote_ip");
	AUTO_FREE char *port = configfs_read(TARGET, "remote_port");
	AUTO_FREE char *mac = configfs_read(TARGET, "remote_mac");
	AUTO_FREE char *from = configfs_read(TARGET, "local_ip");
	if (!configfs_is(TARGET, "enabled", "1") || !configfs_is(TARGET, "extended", "1") ||
	    !configfs_is(TARGET, "dev_name", LINK) || !address || !port || !mac || !from)
		return NULL;
	return xasprintf("udp %s:%s %s from %s", address, port, mac, from);
}

/* systemd mounts it only where the module was loaded before it started. */
static int mount_configfs(struct err *err)
{
	static const char *const MODULES[] = { "configfs", "netconsole", NULL };
	if (sysfs_modules(MODULES, err) != 0)
		return -1;
	return file_exists(CONFIGFS "/netconsole")
		       ? 0
		       : run_args(err, "mount", "-t", "configfs", "configfs", CONFIGFS, NULL);
}

int netconsole_start(const char *target, struct err *err)
{
	char address[WORD_MAX + 1];
	char port[WORD_MAX + 1];
	char mac[WORD_MAX + 1];
	char from[WORD_MAX + 1];
	if (sscanf(target, "udp %63[^:]:%63s %63s from %63s", address, port, mac, from) != 4)
		return err_set(err, "netconsole: \"%s\" is no target", target);
	if (mount_configfs(err) != 0 || configfs_make(TARGET, err) != 0)
		return -1;
	/* The kernel changes none that is in use. */
	if (configfs_set(TARGET, "enabled", "0", err) != 0 ||
	    configfs_set(TARGET, "extended", "1", err) != 0 ||
	    configfs_set(TARGET, "dev_name", LINK, err) != 0 ||
	    configfs_set(TARGET, "local_ip", from, err) != 0 ||
	    configfs_set(TARGET, "remote_ip", address, err) != 0 ||
	    configfs_set(TARGET, "remote_port", port, err) != 0 ||
	    configfs_set(TARGET, "remote_mac", mac, err) != 0)
		return -1;
	return configfs_write(TARGET, "enabled", "1", err);
}

int netconsole_stop(struct err *err)
{
	if (!file_exists(TARGET))
		return 0;
	if (configfs_set(TARGET, "enabled", "0", err) != 0)
		return -1;
	return configfs_remove(TARGET, err);
}
