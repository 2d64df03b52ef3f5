/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libvirt.so.0 as system/virt.c sees it, with one guest whose QEMU hangs: who asks it to shut down
   waits for ever. Only what virt_stop() calls does anything. */
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdbool.h>
#include <unistd.h>

bool hanging_obeys; /* set by the test: it shuts down when it is asked */
int hanging_asked;
int hanging_destroyed;

static bool gone;
static char guest; /* what the pointers point at */

virConnectPtr virConnectOpen(const char *name)
{
	(void)name;
	gone = false;
	return (virConnectPtr)&guest;
}
int virConnectClose(virConnectPtr connection)
{
	(void)connection;
	return 0;
}
virDomainPtr virDomainLookupByName(virConnectPtr connection, const char *name)
{
	(void)connection;
	(void)name;
	return (virDomainPtr)&guest;
}
int virDomainRef(virDomainPtr domain)
{
	(void)domain;
	return 0;
}
int virDomainFree(virDomainPtr domain)
{
	(void)domain;
	return 0;
}
int virDomainGetState(virDomainPtr domain, int *state, int *reason, unsigned flags)
{
	(void)domain;
	(void)reason;
	(void)flags;
	*state = VIR_DOMAIN_RUNNING;
	return __atomic_load_n(&gone, __ATOMIC_ACQUIRE) ? -1 : 0;
}
int virDomainShutdownFlags(virDomainPtr domain, unsigned flags)
{
	(void)domain;
	(void)flags;
	__atomic_add_fetch(&hanging_asked, 1, __ATOMIC_ACQ_REL);
	while (!hanging_obeys)
		pause();
	__atomic_store_n(&gone, true, __ATOMIC_RELEASE);
	return 0;
}
int virDomainDestroy(virDomainPtr domain)
{
	(void)domain;
	hanging_destroyed++;
	return 0;
}
int virGetLastErrorCode(void)
{
	return gone ? VIR_ERR_NO_DOMAIN : VIR_ERR_OK;
}
const char *virGetLastErrorMessage(void)
{
	return "hangs";
}
void virSetErrorFunc(void *data, virErrorFunc handler)
{
	(void)data;
	(void)handler;
}

/* Looked up, and not called. */
int virConnectListAllDomains(virConnectPtr connection, virDomainPtr **domains, unsigned flags)
{
	(void)connection;
	(void)domains;
	(void)flags;
	return -1;
}
const char *virDomainGetName(virDomainPtr domain)
{
	(void)domain;
	return NULL;
}
char *virDomainGetXMLDesc(virDomainPtr domain, unsigned flags)
{
	(void)domain;
	(void)flags;
	return NULL;
}
virDomainPtr virDomainCreateXML(virConnectPtr connection, const char *text, unsigned flags)
{
	(void)connection;
	(void)text;
	(void)flags;
	return NULL;
}
int virDomainResume(virDomainPtr domain)
{
	(void)domain;
	return -1;
}
int virDomainSetMetadata(virDomainPtr domain, int type, const char *metadata, const char *key,
			 const char *uri, unsigned flags)
{
	(void)domain;
	(void)type;
	(void)metadata;
	(void)key;
	(void)uri;
	(void)flags;
	return -1;
}
int virDomainMigrateToURI3(virDomainPtr domain, const char *uri, virTypedParameterPtr params,
			   unsigned count, unsigned flags)
{
	(void)domain;
	(void)uri;
	(void)params;
	(void)count;
	(void)flags;
	return -1;
}
int virDomainGetJobInfo(virDomainPtr domain, virDomainJobInfoPtr info)
{
	(void)domain;
	(void)info;
	return -1;
}
int virDomainAbortJob(virDomainPtr domain)
{
	(void)domain;
	return -1;
}
virSecretPtr virSecretLookupByUsage(virConnectPtr connection, int type, const char *usage)
{
	(void)connection;
	(void)type;
	(void)usage;
	return NULL;
}
virSecretPtr virSecretDefineXML(virConnectPtr connection, const char *xml, unsigned flags)
{
	(void)connection;
	(void)xml;
	(void)flags;
	return NULL;
}
int virSecretSetValue(virSecretPtr secret, const unsigned char *value, size_t size, unsigned flags)
{
	(void)secret;
	(void)value;
	(void)size;
	(void)flags;
	return -1;
}
int virSecretUndefine(virSecretPtr secret)
{
	(void)secret;
	return -1;
}
int virSecretFree(virSecretPtr secret)
{
	(void)secret;
	return 0;
}
