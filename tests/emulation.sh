# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2034
# Kernel arguments of test machines in software emulation. QEMU translates a program anew at each
# address where it finds it: with the addresses always the same, starting programs takes a third less
# processor time (200 of them: 22.3 s against 14.3 s, the boot before them 10.5 s against 7.5 s).
# no_timer_check: on a host with much to do the kernel finds no timer and stops (images say so themselves).
# The rest: what has instructions of its own in a real processor is slower with them here, and udev loads
# it at each boot; the kernel asks modprobe 20 times while it tests such a module.
# cpu: without what is fast on a real processor and slow here: copies by single bytes ("rep movsb", which the kernel
# and the C library take for large ones where the processor says that it is fast), vectors of 256 bits, and page
# tables of five levels. Together 18 % of the processor time of a boot and 200 programs.
emulated_cpu="max,la57=off,erms=off,fsrm=off,avx=off,avx2=off"
# processors COUNT: QEMU's option. With one processor, and none that could be added, QEMU (7.2) leaves the barriers
# and locks of the guest's programs out of what it translates, though its own thread of the devices runs
# beside it: at times a virtio queue is filled and nobody is told, and with event indices never again
# ("NETDEV WATCHDOG: transmit queue 0 timed out", a disk that does not answer). It costs nothing measurable.
processors() {
	echo "$1,maxcpus=$(($1 + 1))"
}
emulated="mitigations=off nokaslr norandmaps no_timer_check cryptomgr.notests"
emulated+=" module_blacklist=aesni_intel,ghash_clmulni_intel,crct10dif_pclmul,crc32_pclmul,sha512_ssse3,sha256_ssse3,sha1_ssse3,kvm,kvm_amd"
