/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A guest as libvirt's XML tells it: what is printed reads back, also as libvirt prints it, and
   nothing that a field holds becomes XML. libvirt itself reads it: its test driver, which runs no
   machines. */
#include "test.h"

#include <libvirt/libvirt.h>
#include <string.h>

#include "engine/plan.h"
#include "kinds/guest/spec.h"
#include "system/domain.h"
#include "system/library.h"

static struct domain make(void)
{
	struct domain domain = { .name = xstrdup("genome-big1"),
				 .site = xstrdup("cam'pus"),
				 .epoch = 3,
				 .emulated = true,
				 .vcpus = 4,
				 .memory_bytes = 512ULL << 20,
				 .boot = xstrdup("appliance"),
				 .kernel = xstrdup("/var/lib/moyai/appliances/micro/vmlinuz"),
				 .initrd = xstrdup("/var/lib/moyai/appliances/micro/<initrd>&"),
				 .arguments = xstrdup("console=ttyS0 'quiet'") };
	text_list_add(&domain.disks, "/dev/moyai/store1/genome-big1");
	text_list_add(&domain.disks, "/dev/moyai/store1/genome'<scratch>");
	text_list_add(&domain.disks,
		      "iscsi 10.77.20.14:3260 iqn.2026-11.moyai.campus:store1.genome-big1-more "
		      "store1.genome-big1-more iqn.2026-11.moyai.campus:vm1");
	text_list_add(&domain.files,
		      "moyai-layer-1 /var/lib/moyai/appliances/frontend/base.squashfs");
	text_list_add(&domain.files, "moyai-file-1 /var/lib/moyai/appliances/compute/<'&>");
	text_list_add(&domain.interfaces, "br-vlan100 02:00:00:00:00:01 10.1.0.5");
	text_list_add(&domain.interfaces, "br-campus 02:00:00:00:00:02");
	text_list_add(&domain.settings, "hostname=big1");
	text_list_add(&domain.settings, "cluster=genome");
	text_list_add(&domain.told, "key=ssh-ed25519 AAAA </entry><ann> & 'bob'");
	text_list_add(&domain.told, "node=compute1 02:00:00:00:00:03 10.1.0.6 1 512 ram compute");
	return domain;
}

/* All fields, a line each. */
static char *text_of(const struct domain *domain)
{
	const struct text_list *const lists[] = { &domain->disks, &domain->interfaces,
						  &domain->settings, &domain->files,
						  &domain->told };
	struct str text = STR_INIT;
	str_addf(&text, "%s %s %llu %s %llu %llu %s\n%s\n%s\n%s\n", domain->name,
		 domain->site ? domain->site : "-", (unsigned long long)domain->epoch,
		 domain->emulated ? "emulated" : "kvm", (unsigned long long)domain->vcpus,
		 (unsigned long long)domain->memory_bytes, domain->boot,
		 domain->kernel ? domain->kernel : "-", domain->initrd ? domain->initrd : "-",
		 domain->arguments ? domain->arguments : "-");
	for (size_t i = 0; i < COUNT_OF(lists); i++)
		for (size_t j = 0; j < lists[i]->count; j++)
			str_addf(&text, "%zu %s\n", i, lists[i]->items[j]);
	return str_take(&text);
}

static void assert_reads_as(const char *xml, const struct domain *expected)
{
	struct domain read = { 0 };
	struct err err = ERR_INIT;
	if (domain_parse(xml, &read, &err) != 0)
		fail_msg("%s", err.text);
	AUTO_FREE char *is = text_of(&read);
	AUTO_FREE char *wanted = text_of(expected);
	assert_string_equal(is, wanted);
	domain_free(&read);
}

/* libvirt's own XML of a domain that was given this one; the test driver knows its own type alone.
   The caller frees. */
static char *through_libvirt(const char *xml)
{
	static __typeof__(virConnectOpen) *open_connection;
	static __typeof__(virConnectClose) *close_connection;
	static __typeof__(virDomainCreateXML) *create;
	static __typeof__(virDomainGetXMLDesc) *describe;
	static __typeof__(virDomainFree) *release;
	static const struct library_function ALL[] = {
		{ "virConnectOpen", &open_connection }, { "virConnectClose", &close_connection },
		{ "virDomainCreateXML", &create },	{ "virDomainGetXMLDesc", &describe },
		{ "virDomainFree", &release },		{ NULL, NULL }
	};
	struct err err = ERR_INIT;
	const char *rest = strstr(xml, "><name>");
	if (library_load("libvirt.so.0", ALL, &err) != 0)
		fail_msg("%s", err.text);
	AUTO_FREE char *as_test = xasprintf("<domain type='test'%s", rest);
	virConnectPtr connection = open_connection("test:///default");
	assert_non_null(connection);
	virDomainPtr domain = create(connection, as_test, 0);
	assert_non_null(domain);
	char *text = describe(domain, 0);
	assert_non_null(text);
	release(domain);
	close_connection(connection);
	char *end = strchr(text, '>');
	char *as_qemu = xasprintf("<domain type='qemu'%s", end);
	free(text);
	return as_qemu;
}

static void test_appliance(void **state)
{
	static const uint64_t PROCESSORS[] = { 4, 1 };
	(void)state;
	for (size_t i = 0; i < COUNT_OF(PROCESSORS); i++) {
		struct domain domain = make();
		AUTO_STR struct str xml = STR_INIT;
		domain.vcpus = PROCESSORS[i];
		domain_print(&domain, &xml);
		AUTO_FREE char *libvirts = through_libvirt(str_text(&xml));
		assert_reads_as(libvirts, &domain);
		domain_free(&domain);
	}
}

/* What was told since it started stands for what was told then. */
static void test_told_since(void **state)
{
	struct domain domain = make();
	AUTO_STR struct str xml = STR_INIT;
	AUTO_STR struct str told = STR_INIT;
	(void)state;
	domain_print(&domain, &xml);
	text_list_free(&domain.told);
	text_list_add(&domain.told, "node=compute2 02:00:00:00:00:04 10.1.0.7 1 512 ram compute");
	domain_print_told(&domain.told, &told);
	assert_true(text_starts(str_text(&told), "<lines>"));
	const char *end = strstr(str_text(&xml), "</metadata>");
	AUTO_FREE char *with =
		xasprintf("%.*s<told:lines xmlns:told='" DOMAIN_TOLD_URI "'>%.*s</told:lines>%s",
			  (int)(end - str_text(&xml)), str_text(&xml),
			  (int)strcspn(str_text(&told) + strlen("<lines>"), "<"),
			  str_text(&told) + strlen("<lines>"), end);
	AUTO_FREE char *libvirts = through_libvirt(with);
	assert_reads_as(libvirts, &domain);
	domain_free(&domain);
}

static void test_disk_and_network(void **state)
{
	static const char *const BOOTS[] = { "disk", "network" };
	(void)state;
	for (size_t i = 0; i < COUNT_OF(BOOTS); i++) {
		struct domain domain = make();
		AUTO_STR struct str xml = STR_INIT;
		char **const gone[] = { &domain.boot, &domain.kernel, &domain.initrd,
					&domain.arguments };
		for (size_t j = 0; j < COUNT_OF(gone); j++) {
			free(*gone[j]);
			*gone[j] = NULL;
		}
		domain.boot = xstrdup(BOOTS[i]);
		text_list_free(&domain.settings);
		text_list_free(&domain.told);
		domain_print(&domain, &xml);
		AUTO_FREE char *libvirts = through_libvirt(str_text(&xml));
		assert_reads_as(libvirts, &domain);
		domain_free(&domain);
	}
}

/* One that somebody else made is read, and is not ours; a filter that was taken away is seen. */
static void test_foreign(void **state)
{
	struct domain read = { 0 };
	(void)state;
	assert_int_equal(
		domain_parse("<domain type='kvm'><name>a</name><metadata><x:guest "
			     "xmlns:x='https://other.example/' site='campus'/></metadata>"
			     "<memory unit='KiB'>1024</memory><vcpu current='1'>2</vcpu>"
			     "<devices><interface type='bridge'><source bridge='br0'/>"
			     "<mac address='02:00:00:00:00:09'/></interface>"
			     "<disk type='file'><source file='/a.img'/></disk></devices></domain>",
			     &read, NULL),
		0);
	AUTO_FREE char *text = text_of(&read);
	assert_string_equal(text, "a - 0 kvm 1 1048576 disk\n-\n-\n-\n0 ?\n"
				  "1 br0 02:00:00:00:00:09 unfiltered\n");
	domain_free(&read);
}

static void test_no_xml(void **state)
{
	struct domain read = { .vcpus = 7 };
	struct err err = ERR_INIT;
	(void)state;
	assert_int_equal(domain_parse("<domain>", &read, &err), -1);
	assert_string_equal(err.text, "libvirt's description of a domain is not XML");
	assert_int_equal(read.vcpus, 7);
}

/* A guest of memory alone that gets a disk, and one that loses it: another machine, both of them. */
static void test_from_and_to_nothing(void **state)
{
	static const char *const LISTS[] = { "disks", "interfaces", "settings" };
	(void)state;
	for (size_t i = 0; i < COUNT_OF(LISTS); i++) {
		const struct field *field = field_find(guest_spec.fields, LISTS[i]);
		struct guest none;
		struct guest some;
		fields_init(guest_spec.fields, &none);
		fields_init(guest_spec.fields, &some);
		assert_int_equal(field_set_text(field, &some, "x", NULL), 0);
		struct spec without = { .kind = &guest_spec, .body = &none };
		struct spec with = { .kind = &guest_spec, .body = &some };
		const struct step gets = { .kind = &guest_spec, .want = &with, .have = &without };
		const struct step loses = { .kind = &guest_spec, .want = &without, .have = &with };
		const struct step keeps = { .kind = &guest_spec,
					    .want = &without,
					    .have = &without };
		assert_true(step_field_changes(&gets, field));
		assert_true(step_field_changes(&loses, field));
		assert_false(step_field_changes(&keeps, field));
		assert_true(field->flags & FIELD_REPLACEABLE);
		fields_free(guest_spec.fields, &some);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_appliance),	 cmocka_unit_test(test_told_since),
		cmocka_unit_test(test_disk_and_network), cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_no_xml),		 cmocka_unit_test(test_from_and_to_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
