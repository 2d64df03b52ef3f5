/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kinds/journal/spec.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "engine/plan.h"
#include "engine/refer.h"
#include "model/certificate.h"
#include "model/journal.h"

#define AT(member) offsetof(struct journal, member)

static const struct field FIELDS[] = {
	{ "name", FIELD_NAME, AT(name), FIELD_REQUIRED, 1, 40, NULL, NULL, "name of the service" },
	{ "send", FIELD_CHOICE, AT(send), FIELD_VOLATILE, 0, 0, "everything nothing", "everything",
	  "whether the journal and the kernel's last lines go to the cluster manager" },
	{ "server", FIELD_TEXT, AT(server), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "where the cluster manager takes them" },
	{ "certificate", FIELD_TEXT, AT(certificate), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "digest of the certificates" },
	{ "certificates", FIELD_LIST, AT(certificates), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL,
	  NULL, "the node's certificate, and the site's" },
	{ "key", FIELD_TEXT, AT(key), FIELD_DERIVED | FIELD_SECRET, 0, 0, NULL, NULL,
	  "the key of the node's certificate" },
	{ "kernel", FIELD_TEXT, AT(kernel), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "where the kernel sends its lines to by itself (netconsole)" },
	{ "trouble", FIELD_TEXT, AT(trouble), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "why the last attempt to send it came to nothing" },
	{ "state", FIELD_CHOICE, AT(state), FIELD_DERIVED, 0, 0, "running stale stopped", NULL,
	  "whether the journal is sent with these: always wanted" },
	FIELD_END
};

static bool any_two(const struct spec *a, const struct spec *b)
{
	(void)a;
	(void)b;
	return true;
}

static void check(const struct site *site, const struct site_node *node, const struct spec *want,
		  struct mistakes *mistakes)
{
	const struct journal *journal = want->body;
	(void)site;
	if (node == NULL || journal->name == NULL)
		return;
	const struct spec *earlier = refer_earlier(node, want, any_two);
	if (earlier != NULL)
		mistake_add(mistakes, want->place,
			    "journal %s: %s has journal %s already; a node has one", journal->name,
			    node->name, earlier->id);
}

int journal_digest(const struct text_list *lines, char **digest, struct err *err)
{
	AUTO_STR struct str text = STR_INIT;
	char hex[HASH_HEX_SIZE];
	for (size_t i = 0; i < lines->count; i++)
		str_addf(&text, "%s\n", lines->items[i]);
	if (hash_bytes_hex(str_text(&text), text.length, hex, err) != 0)
		return -1;
	free(*digest);
	*digest = xasprintf("sha256:%.16s", hex);
	return 0;
}

static void add_lines(struct text_list *lines, const char *pem)
{
	while (*pem) {
		size_t length = strcspn(pem, "\n");
		text_list_take(lines, xstrndup(pem, length));
		pem += length + (pem[length] == '\n');
	}
}

static int add_certificates(const struct derive *from, const char *address, struct journal *journal,
			    struct err *err)
{
	struct certificate made;
	AUTO_LIST struct text_list addresses = TEXT_LIST_INIT;
	text_list_add(&addresses, address);
	if (certificate_make(from->key, from->site->name, from->node->name, &addresses, &made,
			     err) != 0)
		return -1;
	add_lines(&journal->certificates, made.certificate);
	add_lines(&journal->certificates, made.authority);
	journal->key = xstrdup(made.key);
	certificate_free(&made);
	return journal_digest(&journal->certificates, &journal->certificate, err);
}

/* Every node sends its journal to the cluster manager, where there is one, unless it is declared
   not to. */
static void imply(const struct derive *from, struct spec_list *wants)
{
	bool managed = site_manager(from->site) != NULL;
	bool declared = false;
	for (size_t i = wants->count; i-- > 0;) {
		if (wants->items[i].kind != &journal_spec)
			continue;
		declared = true;
		if (!managed || text_equal(refer_text(&wants->items[i], "send"), "nothing"))
			spec_list_drop(wants, i);
	}
	if (managed && !declared)
		fields_fallback(FIELDS, spec_list_add(wants, &journal_spec, "manager")->body);
}

static int derive(const struct derive *from, struct spec *want, struct err *err)
{
	struct journal *journal = want->body;
	const struct site_node *manager = site_manager(from->site);
	const char *own = site_node_boot_address(from->site, from->node);
	const char *to = manager ? site_node_boot_address(from->site, manager) : NULL;
	if (own == NULL || to == NULL)
		return err_set(err, "journal %s: there is no cluster manager to send it to",
			       want->id);
	if (journal->name == NULL) /* nobody declared it */
		journal->name = xstrdup(want->id);
	journal->state = xstrdup("running");
	journal->server = xasprintf("https://%s:%d", to, JOURNAL_PORT);
	/* netconsole goes past everything that would bring a datagram to oneself. */
	journal->kernel = manager == from->node || manager->mac == NULL
				  ? xstrdup("nowhere")
				  : xasprintf("udp %s:%d %s from %s", to, JOURNAL_KERNEL_PORT,
					      manager->mac, own);
	return from->key ? add_certificates(from, own, journal, err) : 0;
}

static char *warn(const struct spec *want, const struct spec *have)
{
	const struct journal *journal = have->body;
	(void)want;
	return journal->trouble == NULL
		       ? NULL
		       : xasprintf("it does not arrive at the cluster manager, and is tried again "
				   "every 10 s%s%s",
				   journal->trouble[0] ? ": " : "", journal->trouble);
}

const struct kind_spec journal_spec = {
	.name = "journal",
	.section = "journals",
	.doc = "the journal and the kernel's last lines, sent to the cluster manager; every node "
	       "has "
	       "it where there is one",
	.example = "{ name = \"manager\"; send = \"nothing\"; }",
	.size = sizeof(struct journal),
	.fields = FIELDS,
	.check = check,
	.imply = imply,
	.derive = derive,
	.warn = warn,
};
