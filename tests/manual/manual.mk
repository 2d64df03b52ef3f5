# SPDX-License-Identifier: GPL-3.0-or-later
# What is made from the tables: manual pages, help, completion; and where `make install` puts it.
.PHONY: check-manual check-deb
check-manual: all manual
	@failed=0; MOYAI=$(abspath $(BUILD))/moyai; export MOYAI; \
	tests/manual/manual || failed=1; tests/manual/doctor || failed=1; \
	tests/manual/cluster || failed=1; tests/manual/moves || failed=1; exit $$failed
check-deb: all manual
	@tests/manual/deb
