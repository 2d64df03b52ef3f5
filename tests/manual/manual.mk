# SPDX-License-Identifier: GPL-3.0-or-later
# What is made from the tables: manual pages, help, completion; and where `make install` puts it.
.PHONY: check-manual check-deb
check-manual: all manual
	@MOYAI=$(BUILD)/moyai tests/manual/manual
check-deb: all manual
	@tests/manual/deb
