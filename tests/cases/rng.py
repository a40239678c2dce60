# SPDX-License-Identifier: GPL-2.0-or-later
"""Entropy: what a Linux guest reads from /dev/hwrng is root Linux's, also while the worker is killed."""

from rig import confs
from rig.cases import case

READ = "dd if=/dev/hwrng bs=4096 iflag=fullblock count={count} 2>/dev/null"


@case("rng-a-linux-reads-entropy-and-goes-on-when-its-worker-is-killed")
def linux_reads_entropy(vm):
    console = vm.boot_linux("linux2", confs.example())
    assert console.command("cat /sys/class/misc/hw_random/rng_current").strip().startswith("virtio_rng")
    assert console.command(f"{READ.format(count=8)} | wc -c").strip() == "32768"
    # it does not shrink, and no two reads are the same
    assert int(console.command(f"{READ.format(count=8)} | gzip | wc -c")) > 32768
    sums = console.command(f"for i in 1 2 3 4; do {READ.format(count=1)} | md5sum; done").split()
    assert len({s for s in sums if s != "-"}) == 4, sums

    worker = vm.workers("linux2")["entropy"]
    assert vm.read(f"/proc/{worker}/comm").strip() == "virtio-rng"
    console.command(f"(while [ ! -e /tmp/stop ]; do {READ.format(count=1)} | wc -c; done | sort | uniq >/tmp/sizes) & true")
    for _ in range(3):
        before = vm.workers("linux2")["entropy"]
        vm.run(f"kill -9 {before}")
        vm.wait(lambda: vm.workers("linux2").get("entropy") not in (None, before), what="another worker to serve")
    console.command("touch /tmp/stop; wait")
    assert console.command("cat /tmp/sizes").strip() == "4096"
