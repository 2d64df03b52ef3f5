/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/virt.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/point.h"
#include "system/guest_agent.h"
#include "system/libvirt.h"

/* libvirt keeps what it knows of each domain that runs here, for when it is started anew. */
#define RUNNING_DIR "/run/libvirt/qemu"
#define LOG_DIR "/var/log/libvirt/qemu"
#define HAS_ENDED "it has ended meanwhile"
enum { STOP_PAUSE_MS = 200, ASK_AGAIN_MS = 10000, ASKED_MS = 5000 };

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

void domains_free(struct domains *domains)
{
	if (domains == NULL)
		return;
	for (size_t i = 0; i < domains->count; i++)
		domain_free(&domains->items[i]);
	free(domains->items);
	free(domains);
}

/* Added when it carries the mark of this site. It may have ended meanwhile. */
static int add_domain(const struct node *node, virDomainPtr from, struct domains *domains,
		      struct err *err)
{
	struct domain domain;
	int state = VIR_DOMAIN_NOSTATE;
	AUTO_FREE char *text = vir.virDomainGetXMLDesc(from, 0);
	if (text == NULL || vir.virDomainGetState(from, &state, NULL, 0) != 0)
		return libvirt_is_gone() ? 0 : libvirt_fail("libvirt", err);
	if (domain_parse(text, &domain, err) != 0)
		return -1;
	if (!text_equal(domain.site, node->site)) {
		domain_free(&domain);
		return 0;
	}
	domain.state = xstrdup(state_text(state));
	domains->items = xrealloc(domains->items, domains->count + 1, sizeof(domain));
	domains->items[domains->count++] = domain;
	return 0;
}

static int read_all(const struct node *node, struct domains *domains, struct err *err)
{
	virDomainPtr *all = NULL;
	virConnectPtr connection = libvirt_open(err);
	if (connection == NULL)
		return -1;
	int count = vir.virConnectListAllDomains(connection, &all, 0);
	int rc = count < 0 ? libvirt_fail("libvirt", err) : 0;
	for (int i = 0; i < count; i++) {
		if (rc == 0)
			rc = add_domain(node, all[i], domains, err);
		vir.virDomainFree(all[i]);
	}
	free(all);
	vir.virConnectClose(connection);
	return rc;
}

int virt_read(struct node *node, struct err *err)
{
	bool any;
	if (node->domains != NULL)
		return 0;
	if (any_runs(&any, err) != 0)
		return -1;
	struct domains *domains = xcalloc(1, sizeof(*domains));
	if (any && read_all(node, domains, err) != 0) {
		domains_free(domains);
		return -1;
	}
	node->domains = domains;
	return 0;
}

const struct domain *virt_find(const struct node *node, const char *name)
{
	for (size_t i = 0; i < node->domains->count; i++)
		if (strcmp(node->domains->items[i].name, name) == 0)
			return &node->domains->items[i];
	return NULL;
}

int virt_uses(struct node *node, const char *device, bool *uses, struct err *err)
{
	if (virt_read(node, err) != 0)
		return -1;
	*uses = false;
	for (size_t i = 0; i < node->domains->count; i++)
		*uses = *uses || text_list_has(&node->domains->items[i].disks, device);
	return 0;
}

int virt_start(const struct domain *domain, struct err *err)
{
	AUTO_STR struct str text = STR_INIT;
	virConnectPtr connection = libvirt_open(err);
	if (connection == NULL)
		return -1;
	domain_print(domain, &text);
	int rc = virt_mark(domain->name, err);
	if (rc == 0)
		rc = virt_tell_secrets(connection, domain, err);
	if (rc == 0) {
		point_pass("virDomainCreateXML");
		virDomainPtr started = vir.virDomainCreateXML(connection, str_text(&text), 0);
		point_pass("virDomainCreateXML");
		rc = started ? 0 : libvirt_fail("it does not start", err);
		if (started != NULL)
			vir.virDomainFree(started);
	}
	virt_forget_secrets(connection, domain);
	vir.virConnectClose(connection);
	return virt_unmark(domain->name, rc == 0 ? err : NULL) == 0 ? rc : -1;
}

/* One that runs; gone: what is said when there is none of this name. */
static int with_domain(const char *name, const char *gone,
		       int (*act)(virDomainPtr domain, const void *context, struct err *err),
		       const void *context, struct err *err)
{
	virConnectPtr connection = libvirt_open(err);
	if (connection == NULL)
		return -1;
	int rc = -1;
	virDomainPtr domain = libvirt_find(connection, name, err);
	if (domain != NULL) {
		rc = act(domain, context, err);
		vir.virDomainFree(domain);
	} else if (libvirt_is_gone()) {
		err_set(err, "%s", gone);
	}
	vir.virConnectClose(connection);
	return rc;
}

static int resume(virDomainPtr domain, const void *context, struct err *err)
{
	(void)context;
	point_pass("virDomainResume");
	int rc = vir.virDomainResume(domain) == 0 ? 0 : libvirt_fail("it does not go on", err);
	point_pass("virDomainResume");
	return rc;
}

int virt_resume(const char *name, struct err *err)
{
	return with_domain(name, HAS_ENDED, resume, NULL, err);
}

static int record_told(virDomainPtr domain, const struct text_list *told, struct err *err)
{
	AUTO_STR struct str record = STR_INIT;
	domain_print_told(told, &record);
	if (vir.virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, str_text(&record), "told",
				     DOMAIN_TOLD_URI, VIR_DOMAIN_AFFECT_LIVE) != 0)
		return libvirt_fail("what it is told cannot be recorded", err);
	return 0;
}

struct telling {
	const struct node *node;
	const struct text_list *told;
};

/* Until it has been taken nobody knows what the guest goes by, and nothing is recorded: whatever is
   wanted then is told. */
static int tell(virDomainPtr domain, const void *context, struct err *err)
{
	static const struct text_list UNKNOWN = TEXT_LIST_INIT;
	const struct telling *telling = context;
	const struct text_list *told = telling->told;
	AUTO_STR struct str lines = STR_INIT;
	AUTO_FREE char *count = xasprintf("%zu", told->count);
	const char *const argv[] = { VIRT_FRONTEND, "take", count, NULL };
	const struct guest_agent_call call = { .argv = argv,
					       .input = &lines,
					       .answers_ms = GUEST_AGENT_ANSWERS_MS,
					       .runs_ms = GUEST_AGENT_RUNS_MS };
	for (size_t i = 0; i < told->count; i++)
		str_addf(&lines, "%s\n", told->items[i]);
	if (record_told(domain, &UNKNOWN, err) != 0)
		return -1;
	point_pass(VIRT_FRONTEND);
	int rc = guest_agent_run(telling->node, domain, &call, err);
	point_pass(VIRT_FRONTEND);
	return rc == 0 ? record_told(domain, told, err) : -1;
}

int virt_tell(const struct node *node, const char *name, const struct text_list *told,
	      struct err *err)
{
	const struct telling telling = { node, told };
	return with_domain(name, HAS_ENDED, tell, &telling, err);
}

struct asking {
	const struct node *node;
	struct str *answer;
};

static int ask_frontend(virDomainPtr domain, const void *context, struct err *err)
{
	static const char *const ARGV[] = { VIRT_FRONTEND, "progress", NULL };
	static const struct str NOTHING = STR_INIT;
	const struct asking *asking = context;
	const struct guest_agent_call call = { .argv = ARGV,
					       .input = &NOTHING,
					       .answers_ms = ASKED_MS,
					       .runs_ms = ASKED_MS,
					       .may_be_silent = true,
					       .output = asking->answer };
	return guest_agent_run(asking->node, domain, &call, err) < 0 ? -1 : 0;
}

int virt_ask(const struct node *node, const char *name, struct str *answer, struct err *err)
{
	const struct asking asking = { node, answer };
	return with_domain(name, "it is not here", ask_frontend, &asking, err);
}

static void *ask_to_shut_down(void *argument)
{
	virDomainPtr domain = argument;
	/* Not by its agent, which is its owner's. */
	vir.virDomainShutdownFlags(domain, VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN);
	vir.virDomainFree(domain);
	return NULL;
}

/* In a thread of its own: libvirt waits for the answer of the guest's QEMU, and one that hangs never
   answers. Then the thread ends with the guest, or with us; the guest's state tells how it went. */
static bool ask(virDomainPtr domain)
{
	pthread_attr_t detached;
	pthread_t thread;
	if (vir.virDomainRef(domain) != 0)
		return false;
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	int error = pthread_create(&thread, &detached, ask_to_shut_down, domain);
	pthread_attr_destroy(&detached);
	if (error != 0)
		vir.virDomainFree(domain);
	return error == 0;
}

/* Whether it ended by itself in time. A guest that still boots does not hear the first word. */
static bool shut_down(const struct node *node, virDomainPtr domain, unsigned timeout_ms)
{
	int state;
	for (unsigned waited_ms = 0; waited_ms < timeout_ms; waited_ms += STOP_PAUSE_MS) {
		if (vir.virDomainGetState(domain, &state, NULL, 0) != 0)
			return libvirt_is_gone();
		if (state == VIR_DOMAIN_SHUTOFF)
			return true;
		if (state == VIR_DOMAIN_PAUSED || state == VIR_DOMAIN_CRASHED)
			return false; /* it hears nothing */
		if (waited_ms % ASK_AGAIN_MS == 0 && !ask(domain))
			return false;
		node_still(node);
		nanosleep(&(struct timespec){ 0, STOP_PAUSE_MS * 1000000L }, NULL);
	}
	return false;
}

static int stop(const struct node *node, virDomainPtr domain, const char *name, unsigned timeout_ms,
		struct err *err)
{
	if (virt_mark(name, err) != 0)
		return -1;
	int rc = 0;
	point_pass("virDomainShutdown");
	if (!shut_down(node, domain, timeout_ms) && vir.virDomainDestroy(domain) != 0 &&
	    !libvirt_is_gone())
		rc = libvirt_fail("it cannot be switched off", err);
	point_pass("virDomainDestroy");
	return virt_unmark(name, rc == 0 ? err : NULL) == 0 ? rc : -1;
}

int virt_stop(const struct node *node, const char *name, unsigned timeout_ms, struct err *err)
{
	virConnectPtr connection = libvirt_open(err);
	if (connection == NULL)
		return -1;
	virDomainPtr domain = libvirt_find(connection, name, err);
	int rc = domain == NULL && !libvirt_is_gone() ? -1 : 0;
	if (domain != NULL) {
		rc = stop(node, domain, name, timeout_ms, err);
		vir.virDomainFree(domain);
	}
	vir.virConnectClose(connection);
	return rc;
}

int virt_remove_logs(const char *name, struct err *err)
{
	static const char *const ENDS[] = { "", ".0", ".1", ".2" }; /* virtlogd.conf(5) */
	point_pass(LOG_DIR);
	for (size_t i = 0; i < COUNT_OF(ENDS); i++) {
		AUTO_FREE char *path = xasprintf(LOG_DIR "/%s.log%s", name, ENDS[i]);
		if (file_remove(path, err) != 0)
			return -1;
	}
	point_pass(LOG_DIR);
	return 0;
}
