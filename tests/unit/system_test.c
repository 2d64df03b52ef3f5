/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the manager's own resources are made of, and in which order. */
#include "base/file.h"
#include "kinds/repository/spec.h"
#include "kinds/system/spec.h"
#include "model/manifest.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

static void derived(void **state)
{
	struct err err = ERR_INIT;
	struct image_file files[] = { { .path = (char[]){ "base/vmlinuz" }, .size_bytes = 3 } };
	struct manifest manifest = {
		.role = (char[]){ "cluster-manager" },
		.version = (char[]){ "1f0c" },
		.console = (char[]){ "ttyS0" },
		.kernel = { .path = (char[]){ "base/vmlinuz" }, .sha256 = "aa", .size_bytes = 3 },
		.initrd = { .path = (char[]){ "base/initrd.img" },
			    .sha256 = "bb",
			    .size_bytes = 4 },
		.layers = { { .path = (char[]){ "m/node.squashfs" },
			      .sha256 = "cc",
			      .size_bytes = 5 } },
		.layer_count = 1,
	};
	const struct image_set images = {
		.files = files, .count = 1, .manifests = &manifest, .manifest_count = 1
	};
	struct network network = { .name = (char[]){ "boot" }, .cidr = (char[]){ "10.0.0.0/24" } };
	struct node_address address = { .network = &network, .address = (char[]){ "10.0.0.11" } };
	struct site_node node = { .name = (char[]){ "m1" },
				  .role_name = (char[]){ "cluster-manager" },
				  .addresses = &address,
				  .address_count = 1 };
	struct site site = { .boot_network = network.name,
			     .boot_server = (char[]){ "10.0.0.1" },
			     .boot_port = 80,
			     .networks = &network,
			     .network_count = 1,
			     .nodes = &node,
			     .node_count = 1 };
	struct spec_list *wants = &node.wants;
	struct derive from = { .site = &site, .node = &node, .images = &images };
	(void)state;
	map_put(&site.network_by_name, network.name, &network);
	struct system *system = spec_list_add(wants, &system_spec, "main")->body;
	system->name = xstrdup("main");
	assert_int_equal(system_spec.derive(&from, &wants->items[0], &err), 0);
	assert_string_equal(system->image, "1f0c");
	assert_string_equal(system->url, "http://10.0.0.1:80/image/");
	assert_string_equal(system->network, "address=10.0.0.11/24\ngateway=\nport=80\n");
	assert_count(system->files.count, 3);
	assert_string_equal(system->files.items[0], "vmlinuz base/vmlinuz aa 3");
	assert_string_equal(system->files.items[2], "1.squashfs m/node.squashfs cc 5");
	assert_count(system->arguments.count, 1);
	assert_string_equal(system->arguments.items[0], "console=ttyS0");

	/* Images are fetched from who serves now, and lie on the disk that is made before. */
	struct spec_list more = { 0 };
	struct refs refs = { 0 };
	struct spec *want = spec_list_add(&more, &repository_spec, "images");
	const struct repository *repository = want->body;
	from.images_url = "http://10.0.0.7:80/image/";
	assert_int_equal(repository_spec.derive(&from, want, &err), 0);
	assert_string_equal(repository->kept.url, "http://10.0.0.7:80/image/");
	assert_int_equal(repository_spec.needs(want, &refs, &err), 0);
	assert_count(refs.count, 1);
	assert_string_equal(refs.items[0].kind, "system");
	assert_string_equal(refs.items[0].id, "main");
	refs_free(&refs);
	spec_list_free(&more);
	spec_list_free(wants);
	map_free(&site.network_by_name);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(derived) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
