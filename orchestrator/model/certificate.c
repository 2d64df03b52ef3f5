/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/certificate.h"

#include <arpa/inet.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

enum {
	SEED_BYTES = 32,    /* RFC 8032 */
	SERIAL_BYTES = 16,  /* RFC 5280, 4.1.2.2: 20 at most */
	FROM_S = 946684800, /* 2000-01-01T00:00:00Z */
};

/* Everything that libgnutls calls in turn, and what it said first against it. */
struct maker {
	int code;
};

static void check(struct maker *maker, int code)
{
	if (maker->code == 0 && code < 0)
		maker->code = code;
}

/* PKCS #8 of an Ed25519 key is these 16 bytes and the seed (RFC 8410, 7). libgnutls makes the public
   half from it. */
static int make_key(const struct site_key *from, const char *purpose, const char *name,
		    gnutls_x509_privkey_t *key, struct err *err)
{
	static const uint8_t HEAD[] = { 0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
					0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20 };
	uint8_t bytes[sizeof(HEAD) + SEED_BYTES];
	const gnutls_datum_t der = { bytes, sizeof(bytes) };
	memcpy(bytes, HEAD, sizeof(HEAD));
	if (secret_bytes(from, purpose, name, bytes + sizeof(HEAD), SEED_BYTES, err) != 0)
		return -1;
	int code = gnutls_x509_privkey_init(key);
	if (code == 0)
		code = gnutls_x509_privkey_import2(*key, &der, GNUTLS_X509_FMT_DER, NULL,
						   GNUTLS_PKCS_PLAIN);
	explicit_bzero(bytes, sizeof(bytes));
	return code < 0 ? err_set(err, "key of %s: %s", name, gnutls_strerror(code)) : 0;
}

/* The serial number follows from what is certified: two certificates of an authority that differ
   have different ones. */
static void set_serial(struct maker *maker, gnutls_x509_crt_t crt, const char *content)
{
	uint8_t digest[HASH_BYTES];
	check(maker, gnutls_hash_fast(GNUTLS_DIG_SHA256, content, strlen(content), digest));
	digest[0] = (uint8_t)((digest[0] & 0x7f) | 0x40); /* positive, and of one length */
	check(maker, gnutls_x509_crt_set_serial(crt, digest, SERIAL_BYTES));
}

static void set_common(struct maker *maker, gnutls_x509_crt_t crt, gnutls_x509_privkey_t key,
		       const char *name)
{
	uint8_t id[20];
	size_t size = sizeof(id);
	check(maker, gnutls_x509_crt_set_version(crt, 3));
	check(maker, gnutls_x509_crt_set_key(crt, key));
	check(maker, gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, name,
						   (unsigned)strlen(name)));
	check(maker, gnutls_x509_crt_set_activation_time(crt, FROM_S));
	check(maker,
	      gnutls_x509_crt_set_expiration_time(crt, GNUTLS_X509_NO_WELL_DEFINED_EXPIRATION));
	check(maker, gnutls_x509_crt_get_key_id(crt, 0, id, &size));
	check(maker, gnutls_x509_crt_set_subject_key_id(crt, id, size));
}

static void set_names(struct maker *maker, gnutls_x509_crt_t crt, const char *name,
		      const struct text_list *addresses)
{
	check(maker,
	      gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, name,
						   (unsigned)strlen(name), GNUTLS_FSAN_APPEND));
	for (size_t i = 0; addresses && i < addresses->count; i++) {
		uint8_t bytes[sizeof(struct in6_addr)];
		const char *text = addresses->items[i];
		bool six = strchr(text, ':') != NULL;
		if (inet_pton(six ? AF_INET6 : AF_INET, text, bytes) != 1)
			check(maker, GNUTLS_E_INVALID_REQUEST);
		else
			check(maker, gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS,
									  bytes, six ? 16 : 4,
									  GNUTLS_FSAN_APPEND));
	}
}

static char *export_pem(struct maker *maker, gnutls_x509_crt_t crt)
{
	gnutls_datum_t pem = { NULL, 0 };
	check(maker, gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem));
	char *text = maker->code == 0 ? xstrndup((const char *)pem.data, pem.size) : NULL;
	gnutls_free(pem.data);
	return text;
}

static char *export_key(struct maker *maker, gnutls_x509_privkey_t key)
{
	gnutls_datum_t pem = { NULL, 0 };
	check(maker, gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL,
						       GNUTLS_PKCS_PLAIN, &pem));
	char *text = maker->code == 0 ? xstrndup((const char *)pem.data, pem.size) : NULL;
	if (pem.data)
		explicit_bzero(pem.data, pem.size);
	gnutls_free(pem.data);
	return text;
}

static void make_authority(struct maker *maker, gnutls_x509_crt_t crt, gnutls_x509_privkey_t key,
			   const char *site)
{
	AUTO_FREE char *name = xasprintf("moyai %s", site);
	set_common(maker, crt, key, name);
	set_serial(maker, crt, name);
	check(maker, gnutls_x509_crt_set_basic_constraints(crt, 1, 0));
	check(maker, gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_KEY_CERT_SIGN));
	check(maker, gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_UNKNOWN, 0));
}

static void make_leaf(struct maker *maker, gnutls_x509_crt_t crt, gnutls_x509_privkey_t key,
		      gnutls_x509_crt_t authority, const char *name,
		      const struct text_list *addresses)
{
	uint8_t id[20];
	size_t size = sizeof(id);
	AUTO_STR struct str content = STR_INIT;
	str_add(&content, name);
	for (size_t i = 0; addresses && i < addresses->count; i++)
		str_addf(&content, "\n%s", addresses->items[i]);
	set_common(maker, crt, key, name);
	set_serial(maker, crt, str_text(&content));
	set_names(maker, crt, name, addresses);
	check(maker, gnutls_x509_crt_get_key_id(authority, 0, id, &size));
	check(maker, gnutls_x509_crt_set_authority_key_id(crt, id, size));
	check(maker, gnutls_x509_crt_set_basic_constraints(crt, 0, -1));
	check(maker, gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE));
	check(maker, gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0));
	check(maker, gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_CLIENT, 0));
}

int certificate_make(const struct site_key *from, const char *site, const char *name,
		     const struct text_list *addresses, struct certificate *certificate,
		     struct err *err)
{
	struct maker maker = { 0 };
	struct certificate made = { 0 };
	gnutls_x509_privkey_t authority_key = NULL;
	gnutls_x509_privkey_t key = NULL;
	gnutls_x509_crt_t authority = NULL;
	gnutls_x509_crt_t crt = NULL;
	int rc = -1;
	if (make_key(from, "authority", site, &authority_key, err) != 0 ||
	    make_key(from, "certificate", name, &key, err) != 0)
		goto out;
	check(&maker, gnutls_x509_crt_init(&authority));
	check(&maker, gnutls_x509_crt_init(&crt));
	if (maker.code == 0) {
		make_authority(&maker, authority, authority_key, site);
		make_leaf(&maker, crt, key, authority, name, addresses);
		check(&maker,
		      gnutls_x509_crt_sign2(crt, authority, authority_key, GNUTLS_DIG_UNKNOWN, 0));
		made.certificate = export_pem(&maker, crt);
		made.authority = export_pem(&maker, authority);
		made.key = export_key(&maker, key);
	}
	if (maker.code != 0) {
		err_set(err, "certificate of %s: %s", name, gnutls_strerror(maker.code));
		certificate_free(&made);
		goto out;
	}
	*certificate = made;
	rc = 0;
out:
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_crt_deinit(authority);
	gnutls_x509_privkey_deinit(key);
	gnutls_x509_privkey_deinit(authority_key);
	return rc;
}

void certificate_free(struct certificate *certificate)
{
	if (certificate == NULL)
		return;
	if (certificate->key)
		explicit_bzero(certificate->key, strlen(certificate->key));
	free(certificate->key);
	free(certificate->certificate);
	free(certificate->authority);
	*certificate = (struct certificate){ 0 };
}
