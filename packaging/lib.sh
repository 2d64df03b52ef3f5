# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# What the packages and the manual share. Sourced, not run.

# Seconds since 1970 of the last commit; a source archive is as old as its newest file.
epoch() {
	if [ -n "${SOURCE_DATE_EPOCH:-}" ]; then
		echo "$SOURCE_DATE_EPOCH"
	else
		git log -1 --format=%ct 2>/dev/null ||
			find Makefile orchestrator packaging -type f -printf '%T@\n' | sort -n | tail -n 1 | cut -d. -f1
	fi
}

# A tag v1.2 is 1.2, and later 1.2+7.g61b6778; without one the commits are counted, so that
# later is always higher. What is not committed is named.
version() {
	if tag=$(git describe --tags --match 'v[0-9]*' --dirty=.dirty 2>/dev/null); then
		echo "${tag#v}" | sed 's/-/+/; s/-/./g'
	elif name=$(git describe --always --exclude '*' --dirty=.dirty 2>/dev/null); then
		echo "0+$(git rev-list --count HEAD).g$name"
	else
		echo 0
	fi
}
