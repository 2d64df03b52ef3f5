# SPDX-License-Identifier: GPL-3.0-or-later
# Appliance images: what is in them, what makes them stale, and that they are always the same.
.PHONY: check-images check-images-long
check-images: images-guests
	@tests/images/images
check-images-long: images-guests
	@IMAGES_TEST=long tests/images/images
