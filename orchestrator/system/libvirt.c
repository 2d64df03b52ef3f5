/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/libvirt.h"

#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "system/library.h"

#define RUN_DIR "/run/moyai"

struct libvirt vir;

/* By itself it prints to stderr. */
static void quiet(void *data, virErrorPtr error)
{
	(void)data;
	(void)error;
}

int libvirt_fail(const char *what, struct err *err)
{
	return err_set(err, "%s: %s", what, vir.virGetLastErrorMessage());
}

virConnectPtr libvirt_open(struct err *err)
{
#define ENTRY(function) { #function, &vir.function },
	static const struct library_function ALL[] = { LIBVIRT_FUNCTIONS(ENTRY){ NULL, NULL } };
	if (library_load("libvirt.so.0", ALL, err) != 0)
		return NULL;
	vir.virSetErrorFunc(NULL, quiet);
	virConnectPtr connection = vir.virConnectOpen("qemu:///system");
	if (connection == NULL)
		libvirt_fail("libvirt does not answer", err);
	return connection;
}

bool libvirt_is_gone(void)
{
	return vir.virGetLastErrorCode() == VIR_ERR_NO_DOMAIN;
}

virDomainPtr libvirt_find(virConnectPtr connection, const char *name, struct err *err)
{
	virDomainPtr domain = vir.virDomainLookupByName(connection, name);
	if (domain == NULL && !libvirt_is_gone())
		libvirt_fail("libvirt", err);
	return domain;
}

/*
 * While it is there, and who wrote it lives, the guest ends because we say so, or does not come to start:
 * images/base/files/etc/libvirt/hooks/qemu. It holds our pid.
 */
static char *stop_mark(const char *name)
{
	return xasprintf(RUN_DIR "/%s.stops", name);
}

int virt_mark(const char *name, struct err *err)
{
	AUTO_FREE char *mark = stop_mark(name);
	AUTO_FREE char *pid = xasprintf("%ld\n", (long)getpid());
	return file_make_dirs(RUN_DIR, 0755, err) == 0
		       ? file_write(mark, pid, strlen(pid), 0644, err)
		       : -1;
}

int virt_unmark(const char *name, struct err *err)
{
	AUTO_FREE char *mark = stop_mark(name);
	return file_remove(mark, err);
}

/* ---- secrets of disks that QEMU logs in to ---- */

/* In libvirt's memory alone, and gone again once QEMU has it. One of somebody who was killed is used. */
static virSecretPtr secret_for(virConnectPtr connection, const char *usage)
{
	AUTO_FREE char *text =
		xasprintf("<secret ephemeral='yes' private='yes'><usage type='iscsi'>"
			  "<target>%s</target></usage></secret>",
			  usage);
	virSecretPtr secret =
		vir.virSecretLookupByUsage(connection, VIR_SECRET_USAGE_TYPE_ISCSI, usage);
	return secret ? secret : vir.virSecretDefineXML(connection, text, 0);
}

static char *usage_of(const char *disk)
{
	const char *iqn = disk + strlen(DOMAIN_ISCSI);
	iqn += strcspn(iqn, " ");
	iqn += strspn(iqn, " ");
	return xasprintf(DOMAIN_SECRET "%.*s", (int)strcspn(iqn, " "), iqn);
}

int virt_tell_secrets(virConnectPtr connection, const struct domain *domain, struct err *err)
{
	AUTO_FREE char *copy = xstrdup(domain->secrets ? domain->secrets : "");
	char *rest = copy;
	for (size_t i = 0; i < domain->disks.count; i++) {
		if (!text_starts(domain->disks.items[i], DOMAIN_ISCSI))
			continue;
		AUTO_FREE char *usage = usage_of(domain->disks.items[i]);
		const char *value = rest ? strsep(&rest, " ") : "";
		virSecretPtr secret = secret_for(connection, usage);
		int rc = secret ? vir.virSecretSetValue(secret, (const unsigned char *)value,
							strlen(value), 0)
				: -1;
		if (secret != NULL)
			vir.virSecretFree(secret);
		if (rc != 0)
			return libvirt_fail("libvirt does not take the secret of a disk", err);
	}
	return 0;
}

void virt_forget_secrets(virConnectPtr connection, const struct domain *domain)
{
	for (size_t i = 0; i < domain->disks.count; i++) {
		if (!text_starts(domain->disks.items[i], DOMAIN_ISCSI))
			continue;
		AUTO_FREE char *usage = usage_of(domain->disks.items[i]);
		virSecretPtr secret =
			vir.virSecretLookupByUsage(connection, VIR_SECRET_USAGE_TYPE_ISCSI, usage);
		if (secret != NULL) {
			vir.virSecretUndefine(secret);
			vir.virSecretFree(secret);
		}
	}
}
