/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/virt.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/point.h"
#include "system/library.h"

/* libvirt keeps what it knows of each domain that runs here, for when it is started anew. */
#define RUNNING_DIR "/run/libvirt/qemu"
enum { STOP_TIMEOUT_MS = 60000, STOP_PAUSE_MS = 200, ASK_AGAIN_MS = 10000 };

/* clang-format off */
#define FUNCTIONS(F) \
	F(virConnectOpen) F(virConnectClose) F(virConnectListAllDomains) \
	F(virDomainLookupByName) F(virDomainFree) F(virDomainGetName) F(virDomainGetXMLDesc) \
	F(virDomainGetState) F(virDomainCreateXML) F(virDomainResume) F(virDomainShutdown) \
	F(virDomainDestroy) F(virGetLastErrorMessage) F(virGetLastErrorCode) F(virSetErrorFunc)
/* clang-format on */
static struct {
#define MEMBER(name) __typeof__(name) *name;
	FUNCTIONS(MEMBER)
} vir;

/* By itself it prints to stderr. */
static void quiet(void *data, virErrorPtr error)
{
	(void)data;
	(void)error;
}

static int fail(const char *what, struct err *err)
{
	return err_set(err, "%s: %s", what, vir.virGetLastErrorMessage());
}

static virConnectPtr open_connection(struct err *err)
{
#define ENTRY(function) { #function, &vir.function },
	static const struct library_function ALL[] = { FUNCTIONS(ENTRY){ NULL, NULL } };
	if (library_load("libvirt.so.0", ALL, err) != 0)
		return NULL;
	vir.virSetErrorFunc(NULL, quiet);
	virConnectPtr connection = vir.virConnectOpen("qemu:///system");
	if (connection == NULL)
		fail("libvirt does not answer", err);
	return connection;
}

/* Without asking libvirt, which may have to be started for that. */
static int any_runs(bool *any, struct err *err)
{
	AUTO_LIST struct text_list files = TEXT_LIST_INIT;
	*any = false;
	if (!file_exists(RUNNING_DIR))
		return 0;
	if (file_list_dir(RUNNING_DIR, &files, err) != 0)
		return -1;
	for (size_t i = 0; i < files.count; i++)
		*any = *any || text_ends(files.items[i], ".xml");
	return 0;
}

static const char *state_text(int state)
{
	switch (state) {
	case VIR_DOMAIN_RUNNING:
	case VIR_DOMAIN_BLOCKED:
		return "running";
	case VIR_DOMAIN_PAUSED:
		return "paused";
	case VIR_DOMAIN_SHUTDOWN:
		return "shutting down";
	case VIR_DOMAIN_CRASHED:
		return "crashed";
	case VIR_DOMAIN_PMSUSPENDED:
		return "suspended";
	default:
		return "shut off";
	}
}

/* found: it is there and carries the mark of this site. */
static int read_domain(const struct node *node, virDomainPtr from, struct domain *domain,
		       char **state, bool *found, struct err *err)
{
	int number = VIR_DOMAIN_NOSTATE;
	*found = false;
	AUTO_FREE char *text = vir.virDomainGetXMLDesc(from, 0);
	if (text == NULL || vir.virDomainGetState(from, &number, NULL, 0) != 0) {
		/* It may have ended meanwhile. */
		return vir.virGetLastErrorCode() == VIR_ERR_NO_DOMAIN ? 0 : fail("libvirt", err);
	}
	if (domain_parse(text, domain, err) != 0)
		return -1;
	*found = text_equal(domain->site, node->site);
	if (*found)
		*state = xstrdup(state_text(number));
	else
		domain_free(domain);
	return 0;
}

int virt_list(struct node *node, struct text_list *names, struct err *err)
{
	bool any;
	virDomainPtr *domains = NULL;
	if (any_runs(&any, err) != 0)
		return -1;
	if (!any)
		return 0;
	virConnectPtr connection = open_connection(err);
	if (connection == NULL)
		return -1;
	int count = vir.virConnectListAllDomains(connection, &domains, 0);
	int rc = count < 0 ? fail("libvirt", err) : 0;
	for (int i = 0; i < count; i++) {
		struct domain domain = { 0 };
		AUTO_FREE char *state = NULL;
		bool found = false;
		if (rc == 0)
			rc = read_domain(node, domains[i], &domain, &state, &found, err);
		if (rc == 0 && found)
			text_list_add(names, domain.name);
		domain_free(&domain);
		vir.virDomainFree(domains[i]);
	}
	free(domains);
	vir.virConnectClose(connection);
	return rc;
}

/* NULL without an error when there is none. */
static virDomainPtr find(virConnectPtr connection, const char *name, struct err *err)
{
	virDomainPtr domain = vir.virDomainLookupByName(connection, name);
	if (domain == NULL && vir.virGetLastErrorCode() != VIR_ERR_NO_DOMAIN)
		fail("libvirt", err);
	return domain;
}

static bool is_gone(void)
{
	return vir.virGetLastErrorCode() == VIR_ERR_NO_DOMAIN;
}

int virt_read(struct node *node, const char *name, struct domain *domain, char **state, bool *found,
	      struct err *err)
{
	bool any;
	*found = false;
	if (any_runs(&any, err) != 0)
		return -1;
	if (!any)
		return 0;
	virConnectPtr connection = open_connection(err);
	if (connection == NULL)
		return -1;
	virDomainPtr there = find(connection, name, err);
	int rc = there == NULL && !is_gone() ? -1 : 0;
	if (there != NULL) {
		rc = read_domain(node, there, domain, state, found, err);
		vir.virDomainFree(there);
	}
	vir.virConnectClose(connection);
	return rc;
}

int virt_start(const struct domain *domain, struct err *err)
{
	AUTO_STR struct str text = STR_INIT;
	virConnectPtr connection = open_connection(err);
	if (connection == NULL)
		return -1;
	domain_print(domain, &text);
	point_pass("virDomainCreateXML");
	virDomainPtr started = vir.virDomainCreateXML(connection, str_text(&text), 0);
	point_pass("virDomainCreateXML");
	int rc = started ? 0 : fail("it does not start", err);
	if (started != NULL)
		vir.virDomainFree(started);
	vir.virConnectClose(connection);
	return rc;
}

int virt_resume(const char *name, struct err *err)
{
	virConnectPtr connection = open_connection(err);
	if (connection == NULL)
		return -1;
	int rc = -1;
	virDomainPtr domain = find(connection, name, err);
	point_pass("virDomainResume");
	if (domain != NULL)
		rc = vir.virDomainResume(domain) == 0 ? 0 : fail("it does not go on", err);
	else if (is_gone())
		err_set(err, "it has ended meanwhile");
	point_pass("virDomainResume");
	if (domain != NULL)
		vir.virDomainFree(domain);
	vir.virConnectClose(connection);
	return rc;
}

/* Whether it ended by itself in time. A guest that still boots does not hear the first word. */
static bool shut_down(virDomainPtr domain)
{
	int state;
	for (unsigned waited_ms = 0; waited_ms < STOP_TIMEOUT_MS; waited_ms += STOP_PAUSE_MS) {
		if (vir.virDomainGetState(domain, &state, NULL, 0) != 0)
			return is_gone();
		if (state == VIR_DOMAIN_SHUTOFF)
			return true;
		if (state == VIR_DOMAIN_PAUSED || state == VIR_DOMAIN_CRASHED)
			return false; /* it hears nothing */
		if (waited_ms % ASK_AGAIN_MS == 0 && vir.virDomainShutdown(domain) != 0)
			return is_gone();
		nanosleep(&(struct timespec){ 0, STOP_PAUSE_MS * 1000000L }, NULL);
	}
	return false;
}

int virt_stop(const char *name, struct err *err)
{
	virConnectPtr connection = open_connection(err);
	if (connection == NULL)
		return -1;
	virDomainPtr domain = find(connection, name, err);
	int rc = domain == NULL && !is_gone() ? -1 : 0;
	if (domain != NULL) {
		point_pass("virDomainShutdown");
		if (!shut_down(domain) && vir.virDomainDestroy(domain) != 0 && !is_gone())
			rc = fail("it cannot be switched off", err);
		point_pass("virDomainDestroy");
		vir.virDomainFree(domain);
	}
	vir.virConnectClose(connection);
	return rc;
}
