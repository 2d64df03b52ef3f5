/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/ipxe.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "daemon/template.h"

/* COMMAND_LINE_SIZE of the x86 kernel, with its NUL: what is longer is cut off
   silently, and with it the hash of an image. */
enum { KERNEL_ARGUMENTS_MAX = 2048 };

int ipxe_mac(const char *text, char mac[18])
{
	char result[18];
	if (text == NULL || strlen(text) != 17)
		return -1;
	for (int i = 0; i < 17; i++) {
		char c = text[i];
		if (i % 3 == 2 ? c != ':' && c != '-' : !isxdigit((unsigned char)c))
			return -1;
		result[i] = i % 3 == 2 ? ':' : (char)tolower((unsigned char)c);
	}
	result[17] = '\0';
	memcpy(mac, result, sizeof(result));
	return 0;
}

/* One word of an iPXE command line that means only itself. */
static int check_word(const char *word, struct err *err)
{
	bool bad = word[0] == '\0' || word[0] == '#' || strcmp(word, "||") == 0 ||
		   strcmp(word, "&&") == 0 || strstr(word, "${") != NULL;
	for (const char *at = word; *at; at++)
		bad = bad || *at <= ' ' || *at == 127;
	return bad ? err_set(err, "the kernel argument \"%s\" cannot be written in an iPXE script",
			     word)
		   : 0;
}

static int arguments(const struct ipxe_boot *boot, struct str *out, struct err *err)
{
	const struct manifest *manifest = boot->manifest;
	AUTO_LIST struct text_list words = TEXT_LIST_INIT;
	/* UEFI kernels ask for the initrd by name; BIOS ones ignore it. */
	text_list_add(&words, "initrd=initrd.img");
	if (boot->console)
		text_list_take(&words, xasprintf("console=%s", boot->console));
	text_list_copy(&words, &manifest->kernel_arguments);
	text_list_take(&words, xasprintf("moyai.server=%s", boot->url));
	text_list_take(&words, xasprintf("moyai.node=%s", boot->node));
	text_list_take(&words, xasprintf("moyai.mac=%s", boot->mac));
	text_list_take(&words, xasprintf("moyai.token=%s", boot->token));
	for (unsigned i = 0; i < manifest->layer_count; i++)
		text_list_take(&words,
			       xasprintf("moyai.layer=%s,%s,%llu", manifest->layers[i].path,
					 manifest->layers[i].sha256,
					 (unsigned long long)manifest->layers[i].size_bytes));
	for (size_t i = 0; i < words.count; i++) {
		if (check_word(words.items[i], err) != 0)
			return -1;
		str_addf(out, "%s%s", i ? " " : "", words.items[i]);
	}
	if (out->length >= KERNEL_ARGUMENTS_MAX)
		return err_set(err, "the kernel arguments have %zu characters; %d are allowed",
			       out->length, KERNEL_ARGUMENTS_MAX - 1);
	return 0;
}

/* Three pauses: 5-10, 15-30 and 30-60 s; the last one is repeated. */
struct pauses {
	char text[3][4];
};

static void pauses_of(uint64_t seed, const char *mac, struct pauses *pauses)
{
	static const unsigned least_s[] = { 5, 15, 30 };
	/* FNV-1a (Fowler, Noll, Vo): spread is enough. */
	uint64_t mixed = 14695981039346656037ULL ^ seed;
	for (; *mac; mac++)
		mixed = (mixed ^ (uint8_t)*mac) * 1099511628211ULL;
	for (size_t i = 0; i < COUNT_OF(least_s); i++) {
		mixed = (mixed ^ i) * 1099511628211ULL;
		snprintf(pauses->text[i], sizeof(pauses->text[i]), "%u",
			 least_s[i] + (unsigned)(mixed >> 32) % (least_s[i] + 1));
	}
}

int ipxe_boot_script(const char *share_dir, const struct ipxe_boot *boot, struct str *out,
		     struct err *err)
{
	AUTO_STR struct str words = STR_INIT;
	struct pauses pauses;
	if (arguments(boot, &words, err) != 0)
		return -1;
	pauses_of(boot->seed, boot->mac, &pauses);
	const struct template_value values[] = {
		{ "URL", boot->url, 0 },
		{ "NODE", boot->node, 0 },
		{ "MAC", boot->mac, 0 },
		{ "ROLE", boot->manifest->role, 0 },
		{ "VERSION", boot->manifest->version, 0 },
		{ "KERNEL", boot->manifest->kernel.path, 0 },
		{ "INITRD", boot->manifest->initrd.path, 0 },
		{ "ARGUMENTS", str_text(&words), 0 },
		{ "FIRST", pauses.text[0], 0 },
		{ "SECOND", pauses.text[1], 0 },
		{ "LAST", pauses.text[2], 0 },
	};
	return template_file(share_dir, "boot.ipxe.in", values, COUNT_OF(values), out, err);
}

int ipxe_stop_script(const char *share_dir, const char *mac, const char *message, struct str *out,
		     struct err *err)
{
	const struct template_value values[] = {
		{ "MAC", mac, 0 },
		{ "MESSAGE", message, 0 },
	};
	return template_file(share_dir, "stop.ipxe.in", values, COUNT_OF(values), out, err);
}

int ipxe_retry_script(const char *share_dir, const char *url, const char *mac, const char *message,
		      uint64_t seed, struct str *out, struct err *err)
{
	struct pauses pauses;
	pauses_of(seed, mac, &pauses);
	const struct template_value values[] = {
		{ "URL", url, 0 },
		{ "MAC", mac, 0 },
		{ "MESSAGE", message, 0 },
		{ "FIRST", pauses.text[0], 0 },
		{ "SECOND", pauses.text[1], 0 },
		{ "LAST", pauses.text[2], 0 },
	};
	return template_file(share_dir, "retry.ipxe.in", values, COUNT_OF(values), out, err);
}
