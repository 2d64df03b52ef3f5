/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/point.h"
#include "system/domain_move.h"
#include "system/libvirt.h"
#include "system/virt.h"

enum { ASK_EVERY_MS = 1000, LOOK_EVERY_MS = 100 };

int virt_expect(const struct domain *domain, struct err *err)
{
	virConnectPtr connection = libvirt_open(err);
	if (connection == NULL)
		return -1;
	int rc = virt_mark(domain->name, err);
	if (rc == 0)
		rc = virt_tell_secrets(connection, domain, err);
	vir.virConnectClose(connection);
	return rc;
}

void virt_expect_end(const struct domain *domain)
{
	virConnectPtr connection = libvirt_open(NULL);
	if (connection != NULL) {
		virt_forget_secrets(connection, domain);
		vir.virConnectClose(connection);
	}
	virt_unmark(domain->name, NULL);
}

/* libvirt's call lasts as long as the migration: in a thread of its own. */
struct call {
	virDomainPtr domain;
	const char *uri;
	char *xml; /* of the guest on the other host */
	int rc;
	struct err err;
	bool ended; /* read and written atomically */
};

/*
 * AUTO_CONVERGE: a guest that writes faster than can be sent is slowed down, lest it never comes to an end.
 * PAUSED: it does not run there before it is certain that it is gone here. When the two lose each other at
 * the very end, either may think that it has it.
 * ABORT_ON_ERROR: one whose disk fails meanwhile stays.
 */
static void *migrate(void *argument)
{
	struct call *call = argument;
	virTypedParameter params[] = { { .field = VIR_MIGRATE_PARAM_DEST_XML,
					 .type = VIR_TYPED_PARAM_STRING,
					 .value.s = call->xml } };
	call->rc = vir.virDomainMigrateToURI3(
		call->domain, call->uri, params, COUNT_OF(params),
		VIR_MIGRATE_LIVE | VIR_MIGRATE_PAUSED | VIR_MIGRATE_PEER2PEER |
			VIR_MIGRATE_TUNNELLED | VIR_MIGRATE_AUTO_CONVERGE |
			VIR_MIGRATE_ABORT_ON_ERROR);
	if (call->rc != 0)
		libvirt_fail("libvirt", &call->err);
	__atomic_store_n(&call->ended, true, __ATOMIC_RELEASE);
	return NULL;
}

static unsigned percent_of(virDomainPtr domain)
{
	virDomainJobInfo info;
	if (vir.virDomainGetJobInfo(domain, &info) != 0 || info.memTotal == 0)
		return 0;
	unsigned long long sent = info.memTotal - info.memRemaining;
	return info.memRemaining > info.memTotal ? 0 : (unsigned)(sent * 100 / info.memTotal);
}

/* Until it has ended, one way or the other. */
static void attend(const struct virt_move *move, struct call *call)
{
	bool stays = false;
	for (unsigned waited_ms = 0; !__atomic_load_n(&call->ended, __ATOMIC_ACQUIRE);
	     waited_ms += LOOK_EVERY_MS) {
		nanosleep(&(struct timespec){ 0, LOOK_EVERY_MS * 1000000L }, NULL);
		if (!stays && waited_ms % ASK_EVERY_MS == 0)
			stays = !move->go_on(move->context, percent_of(call->domain));
		/* Again and again: before it has begun there is nothing to end. */
		if (stays)
			vir.virDomainAbortJob(call->domain);
	}
}

static int call_and_attend(const struct virt_move *move, struct call *call, struct err *err)
{
	pthread_t thread;
	if (virt_mark(move->name, err) != 0)
		return -1;
	point_pass("virDomainMigrate");
	if (pthread_create(&thread, NULL, migrate, call) != 0)
		return err_set(err, "there is no thread for it");
	attend(move, call);
	pthread_join(thread, NULL);
	point_pass("virDomainMigrate");
	virt_unmark(move->name, NULL);
	return call->rc == 0 ? 0 : err_set(err, "%s", call->err.text);
}

int virt_move(const struct virt_move *move, struct err *err)
{
	virConnectPtr connection = libvirt_open(err);
	if (connection == NULL)
		return -1;
	struct call call = { .uri = move->uri, .err = ERR_INIT };
	call.domain = libvirt_find(connection, move->name, err);
	char *xml = call.domain ? vir.virDomainGetXMLDesc(call.domain, VIR_DOMAIN_XML_MIGRATABLE)
				: NULL;
	int rc = -1;
	if (xml != NULL)
		rc = domain_moved(xml, move->epoch, move->disks, &call.xml, err);
	else if (call.domain != NULL || libvirt_is_gone())
		err_set(err, "it has ended meanwhile");
	if (rc == 0)
		rc = call_and_attend(move, &call, err);
	if (call.domain != NULL)
		vir.virDomainFree(call.domain);
	free(xml);
	free(call.xml);
	vir.virConnectClose(connection);
	return rc;
}
