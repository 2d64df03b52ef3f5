/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "image/generation.h"
#include "model/images.h"
#include "model/manifest.h"
#include "model/nodeset.h"
#include "programs/interrupt.h"
#include "programs/reach.h"
#include "programs/site_edit.h"
#include "programs/stale.h"

#define NEWEST "latest"

/* Where a cluster manager has taken over, it boots the nodes: what it told just now. */
struct there {
	struct takeover takeover; /* all NULL: nobody has */
	struct ssh_options ssh;
	char *images; /* a folder with its manifests */
	bool lacks;   /* a version that is wanted, and is here */
};

static bool has_version(const char *images_dir, const char *folder)
{
	struct manifest manifest;
	if (images_dir == NULL || manifest_read(images_dir, folder, &manifest, NULL) != 0)
		return false;
	manifest_free(&manifest);
	return true;
}

/* A version that its role has, here or on the manager; the error names those that are here. */
static int check_version(const struct options *options, struct there *there,
			 const struct site_node *node, const char *version, struct err *err)
{
	AUTO_FREE char *folder = image_folder(node->role_name, version);
	AUTO_LIST struct text_list versions = TEXT_LIST_INIT;
	AUTO_STR struct str known = STR_INIT;
	/* Not "../../storage", which is a folder with a manifest, too. */
	bool plain = strchr(version, '/') == NULL;
	if (plain && has_version(there->images, folder))
		return 0;
	if (plain && has_version(options->images_dir, folder)) {
		there->lacks = there->takeover.node != NULL;
		return 0;
	}
	if (generation_list(options->images_dir, node->role_name, &versions, err) != 0)
		return -1;
	for (size_t i = 0; i < versions.count; i++)
		str_addf(&known, "%s %s", i ? "," : "", versions.items[i]);
	return err_set(err, "%s: role %s has no image \"%s\"; it has:%s", node->name,
		       node->role_name, version, versions.count ? str_text(&known) : " none");
}

/* The declared value, in one file; without any, no file. */
static int write_file(const struct options *options, const struct site *site, struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/" IMAGES_FILE, options->site_dir);
	AUTO_STR struct str text = STR_INIT;
	bool any = false;
	for (size_t i = 0; i < site->node_count; i++)
		any = any || site->nodes[i].image != NULL;
	if (!any)
		return file_remove(path, err);
	images_print(site, &text);
	return file_write(path, str_text(&text), text.length, 0644, err);
}

/* What the manager has, before anything is written: one that is away, or has a newer site, would not
   take it. */
static int hear(const struct options *options, const char *state_dir, struct there *there,
		struct err *err)
{
	struct revision revision;
	if (takeover_read(state_dir, &there->takeover, err) != 0)
		return -1;
	if (there->takeover.node == NULL)
		return 0;
	if (reach_ssh(state_dir, &there->ssh, err) != 0 ||
	    takeover_sync(&there->takeover, &there->ssh, state_dir, interrupt_watch(NULL), err) !=
		    0)
		return err_context(err, "nothing was changed: %s", there->takeover.node);
	there->images = takeover_images(state_dir);
	if (revision_find(options->site_dir, NULL, &revision, err) != 0)
		return -1;
	AUTO_FREE char *why = stale_why(options, &there->takeover, state_dir, &revision);
	revision_free(&revision);
	return why ? err_set(err, "nothing was changed: %s", why) : 0;
}

/* The commit; and, by what bootstrap does for new images, the files that it lacks. */
static int tell(const struct options *options, const char *state_dir, const struct there *there,
		struct err *err)
{
	const struct takeover *to = &there->takeover;
	const struct takeover_site last = { .dir = options->site_dir };
	struct takeover_main main = { 0 };
	struct revision revision = { 0 };
	if (there->lacks)
		return command_bootstrap.run(options, 0, NULL) == EXIT_OK
			       ? 0
			       : err_set(err, "the files of the image were not brought");
	int rc = takeover_main_read(state_dir, &main, err);
	if (rc == 0)
		rc = revision_find(options->site_dir, NULL, &revision, err);
	if (rc == 0 && !text_equal(main.commit, revision.commit))
		rc = takeover_send(&there->ssh, to->node, to->address, &last, state_dir,
				   interrupt_watch(NULL), err);
	takeover_main_free(&main);
	revision_free(&revision);
	return rc;
}

static void there_free(struct there *there)
{
	takeover_free(&there->takeover);
	free(there->images);
}

static int check_versions(const struct options *options, struct there *there,
			  const struct site *site, const char *version,
			  const struct text_list *names, struct err *err)
{
	if (strcmp(version, NEWEST) == 0)
		return 0;
	for (size_t i = 0; i < names->count; i++)
		if (check_version(options, there, site_find_node(site, names->items[i]), version,
				  err) != 0)
			return -1;
	if (!there->lacks || options->yes || isatty(STDIN_FILENO))
		return 0;
	return err_set(
		err,
		"%s lacks this image; before it is brought there, it is asked, and there is no "
		"terminal; write --yes",
		there->takeover.node);
}

static int change(const struct options *options, struct site *site, const char *version,
		  const struct text_list *names, size_t *changed, struct err *err)
{
	const char *wanted = strcmp(version, NEWEST) == 0 ? NULL : version;
	*changed = 0;
	for (size_t i = 0; i < names->count; i++) {
		struct site_node *node = site_find_node(site, names->items[i]);
		if (text_equal(node->image, wanted))
			continue;
		printf("%s: %s -> %s\n", node->name, node->image ? node->image : NEWEST, version);
		free(node->image);
		node->image = xstrdup(wanted);
		(*changed)++;
	}
	AUTO_STR struct str nodes = STR_INIT;
	nodeset_fold(names, &nodes);
	AUTO_FREE char *message = xasprintf("Image %s for %s", version, str_text(&nodes));
	AUTO_LIST struct text_list files = TEXT_LIST_INIT;
	text_list_add(&files, IMAGES_FILE);
	if (*changed > 0 && write_file(options, site, err) != 0)
		return -1;
	/* Also when an earlier try came no further than to write it. */
	return site_edit_commit(options, &files, message, err);
}

static int run(const struct options *options, int argc, char **argv)
{
	struct site site;
	struct there there = { 0 };
	struct err err = ERR_INIT;
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	size_t changed = 0;
	if (argc != 2) {
		err_set(&err, "image use: write a version (or " NEWEST ") and the nodes");
		return command_fail(&err);
	}
	int turn = site_edit_begin(options, &err);
	if (turn < 0)
		return command_fail(&err);
	if (command_site(options, &site) != 0) {
		close(turn);
		return EXIT_ERROR;
	}
	AUTO_FREE char *state = command_state_dir(options, &site);
	int rc = state ? 0 : -1;
	if (rc == 0 && (nodeset_parse(argv[1], &site, &names, &err) != 0 ||
			hear(options, state, &there, &err) != 0 ||
			check_versions(options, &there, &site, argv[0], &names, &err) != 0 ||
			change(options, &site, argv[0], &names, &changed, &err) != 0))
		rc = command_fail(&err);
	fflush(stdout);
	/* bootstrap reads the site, too. */
	close(turn);
	if (rc == 0 && there.takeover.node != NULL &&
	    (rc = tell(options, state, &there, &err)) != 0) {
		err_context(&err,
			    "committed here, but %s does not know it; run the same image use again",
			    there.takeover.node);
		command_fail(&err);
	}
	if (rc == 0 && changed == 0)
		fputs("nothing changes\n", stderr);
	else if (rc == 0)
		fprintf(stderr, "from their next start on%s%s\n",
			there.takeover.node ? ", by " : "",
			there.takeover.node ? there.takeover.node : "");
	there_free(&there);
	site_free(&site);
	return rc == 0 ? EXIT_OK : EXIT_ERROR;
}

const struct command command_image_use = {
	.name = "image use",
	.usage = "VERSION|latest NODES",
	.summary = "let nodes boot another generation of their image; back the same way",
	.doc = "Written into images.cfg beside site.cfg, and committed; the nodes boot it when "
	       "they boot next.\n"
	       "Where a cluster manager has taken over it is told, and gets the files that it "
	       "lacks as\n"
	       "moyai bootstrap brings them, which asks first; --yes answers.\n"
	       "moyai image list shows the versions.",
	.run = run,
	.options = OPTION_YES,
};
