/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/recipe.h"

#include <libconfig.h>
#include <stddef.h>
#include <stdlib.h>

/* A key and where its value goes: a list of text, or one text. */
struct key {
	const char *name;
	size_t offset;
	int is_list;
};
#define LIST(type, name)                                                                           \
	{                                                                                          \
#name, offsetof(type, name), 1                                                     \
	}
#define TEXT(type, name)                                                                           \
	{                                                                                          \
#name, offsetof(type, name), 0                                                     \
	}
static const struct key RECIPE_KEYS[] = {
	TEXT(struct recipe, suite),  LIST(struct recipe, packages),
	LIST(struct recipe, enable), LIST(struct recipe, mask),
	LIST(struct recipe, trim),   LIST(struct recipe, kernel_arguments),
};
static const struct key KERNEL_KEYS[] = {
	TEXT(struct recipe_kernel, name),
	TEXT(struct recipe_kernel, package),
	TEXT(struct recipe_kernel, console),
	LIST(struct recipe_kernel, direct),
	LIST(struct recipe_kernel, by_alias),
	LIST(struct recipe_kernel, disk),
	LIST(struct recipe_kernel, disk_by_alias),
	LIST(struct recipe_kernel, exclude_modules),
	LIST(struct recipe_kernel, kernel_arguments),
};

static int mistake(const config_setting_t *setting, const char *why, struct err *err)
{
	return err_set(err, "%s:%u: %s: %s", config_setting_source_file(setting),
		       (unsigned)config_setting_source_line(setting), config_setting_name(setting),
		       why);
}

static int read_list(const config_setting_t *setting, struct text_list *list, struct err *err)
{
	if (config_setting_type(setting) != CONFIG_TYPE_ARRAY)
		return mistake(setting, "must be a list of text in [ ]", err);
	for (int i = 0; i < config_setting_length(setting); i++) {
		const char *text = config_setting_get_string_elem(setting, i);
		if (text == NULL)
			return mistake(setting, "must be a list of text in [ ]", err);
		text_list_add(list, text);
	}
	return 0;
}

static int read_key(const config_setting_t *setting, const struct key *key, void *object,
		    struct err *err)
{
	void *to = (char *)object + key->offset;
	if (key->is_list)
		return read_list(setting, to, err);
	if (config_setting_type(setting) != CONFIG_TYPE_STRING)
		return mistake(setting, "must be text", err);
	*(char **)to = xstrdup(config_setting_get_string(setting));
	return 0;
}

static int read_kernels(const config_setting_t *list, struct recipe *recipe, struct err *err);

static int read_group(const config_setting_t *group, const struct key *keys, size_t key_count,
		      void *object, struct recipe *recipe, struct err *err)
{
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *setting = config_setting_get_elem(group, (unsigned)i);
		const struct key *key = NULL;
		for (size_t k = 0; k < key_count; k++)
			if (text_equal(keys[k].name, config_setting_name(setting)))
				key = &keys[k];
		if (key == NULL && recipe && text_equal(config_setting_name(setting), "kernels")) {
			if (read_kernels(setting, recipe, err) != 0)
				return -1;
		} else if (key == NULL) {
			return mistake(setting, "there is no such key", err);
		} else if (read_key(setting, key, object, err) != 0) {
			return -1;
		}
	}
	return 0;
}

static int read_kernels(const config_setting_t *list, struct recipe *recipe, struct err *err)
{
	for (int i = 0; i < config_setting_length(list); i++) {
		const config_setting_t *group = config_setting_get_elem(list, (unsigned)i);
		recipe->kernels = xrealloc(recipe->kernels, recipe->kernel_count + 1,
					   sizeof(*recipe->kernels));
		struct recipe_kernel *kernel = &recipe->kernels[recipe->kernel_count++];
		*kernel = (struct recipe_kernel){ 0 };
		if (read_group(group, KERNEL_KEYS, COUNT_OF(KERNEL_KEYS), kernel, NULL, err) != 0)
			return -1;
		if (kernel->name == NULL || kernel->package == NULL)
			return mistake(list, "each needs a name and a package", err);
	}
	return 0;
}

int recipe_read(const char *path, struct recipe *recipe, struct err *err)
{
	struct recipe read = { 0 };
	config_t config;
	config_init(&config);
	int rc = -1;
	if (config_read_file(&config, path) != CONFIG_TRUE) {
		if (config_error_line(&config) > 0)
			err_set(err, "%s:%d: %s", path, config_error_line(&config),
				config_error_text(&config));
		else
			err_set(err, "%s: cannot be read", path);
	} else {
		rc = read_group(config_root_setting(&config), RECIPE_KEYS, COUNT_OF(RECIPE_KEYS),
				&read, &read, err);
		if (rc == 0 && (read.suite == NULL || read.kernel_count == 0))
			rc = err_set(err, "%s: suite and kernels are needed", path);
	}
	config_destroy(&config);
	if (rc != 0)
		recipe_free(&read);
	else
		*recipe = read;
	return rc;
}

void recipe_free(struct recipe *recipe)
{
	if (recipe == NULL)
		return;
	free(recipe->suite);
	text_list_free(&recipe->packages);
	text_list_free(&recipe->enable);
	text_list_free(&recipe->mask);
	text_list_free(&recipe->kernel_arguments);
	text_list_free(&recipe->trim);
	for (size_t i = 0; i < recipe->kernel_count; i++) {
		struct recipe_kernel *kernel = &recipe->kernels[i];
		free(kernel->name);
		free(kernel->package);
		free(kernel->console);
		text_list_free(&kernel->direct);
		text_list_free(&kernel->by_alias);
		text_list_free(&kernel->disk);
		text_list_free(&kernel->disk_by_alias);
		text_list_free(&kernel->exclude_modules);
		text_list_free(&kernel->kernel_arguments);
	}
	free(recipe->kernels);
	*recipe = (struct recipe){ 0 };
}

const struct recipe_kernel *recipe_kernel(const struct recipe *recipe, const char *name)
{
	for (size_t i = 0; i < recipe->kernel_count; i++)
		if (text_equal(recipe->kernels[i].name, name))
			return &recipe->kernels[i];
	return NULL;
}
