# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2034
# Kernel arguments of test machines in software emulation. QEMU translates a program anew at each
# address where it finds it: with the addresses always the same, starting programs takes a third less
# processor time (200 of them: 22.3 s against 14.3 s, the boot before them 10.5 s against 7.5 s).
# no_timer_check: on a host with much to do the kernel finds no timer and stops (images say so themselves).
emulated="mitigations=off nokaslr norandmaps no_timer_check"
