/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_LIBVIRT_H
#define SYSTEM_LIBVIRT_H
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "system/domain.h"
/* libvirt for the files virt*.c, which alone speak to it: its functions, once it is open. */
/* clang-format off */
#define LIBVIRT_FUNCTIONS(F) \
	F(virConnectOpen) F(virConnectClose) F(virConnectListAllDomains) \
	F(virDomainLookupByName) F(virDomainRef) F(virDomainFree) F(virDomainGetName) F(virDomainGetXMLDesc) \
	F(virDomainGetState) F(virDomainCreateXML) F(virDomainResume) F(virDomainShutdownFlags) \
	F(virDomainDestroy) F(virDomainSetMetadata) F(virDomainMigrateToURI3) F(virDomainGetJobInfo) \
	F(virDomainAbortJob) F(virSecretLookupByUsage) F(virSecretDefineXML) F(virSecretSetValue) \
	F(virSecretUndefine) F(virSecretFree) F(virGetLastErrorMessage) F(virGetLastErrorCode) F(virSetErrorFunc)
/* clang-format on */
struct libvirt {
#define LIBVIRT_MEMBER(name) __typeof__(name) *name;
	LIBVIRT_FUNCTIONS(LIBVIRT_MEMBER)
};
extern struct libvirt vir;

/* A connection to that of this host, which the caller closes; libvirt is loaded for the first. */
virConnectPtr libvirt_open(struct err *err);
int libvirt_fail(const char *what, struct err *err); /* with libvirt's last error; -1 */
bool libvirt_is_gone(void); /* that error is that there is no such domain */
/* NULL without an error when there is none. */
virDomainPtr libvirt_find(virConnectPtr connection, const char *name, struct err *err);

/* While the mark is there, and who made it lives, a guest of this name ends because we say so, or does not
   come to start: images/base/files/etc/libvirt/hooks/qemu. */
int virt_mark(const char *name, struct err *err);
int virt_unmark(const char *name, struct err *err);

/* Secrets of disks that QEMU logs in to: in libvirt's memory alone, and forgotten once QEMU has them. */
int virt_tell_secrets(virConnectPtr connection, const struct domain *domain, struct err *err);
void virt_forget_secrets(virConnectPtr connection, const struct domain *domain);
#endif
