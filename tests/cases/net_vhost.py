# SPDX-License-Identifier: GPL-2.0-or-later
"""Network cards whose frames vhost-net moves: no process of ours runs while they flow, and none is missed when it dies."""

from net import link
from rig import confs, lan, witness
from rig.cases import case
from rig.lan import MIB, ZONE

# Time slices of a worker that does no more than give the module its sign of life each second.
IDLE = 40
FRAMES = 1000                           # of what is sent here, at the least


def packets(vm):
    """That went either way; to the zone with offloads, as many as one likes in each."""
    return sum(int(n) for n in vm.out("cat /sys/class/net/tap0/statistics/[rt]x_bytes").split()) // 1500


def has_vhost(vm, pid):
    return "/dev/vhost-net" in vm.out(f"ls -l /proc/{pid}/fd")


@case("net-with-vhost-no-process-runs-while-frames-flow-and-a-killed-worker-is-not-missed")
def vhost(vm):
    vm.run("modprobe vhost_net")
    console = lan.boot(vm)
    lan.up(console)
    lan.serve(vm)
    pid, _ = witness.attachments(vm, "linux")["lan"]
    assert has_vhost(vm, pid)

    before, frames = witness.switches(vm, pid), packets(vm)
    lan.receive(console, 4 * MIB)
    vm.run(f"ping -c 20 -i 0.01 -s 1472 {ZONE}")
    assert packets(vm) - frames >= FRAMES
    assert witness.switches(vm, pid) - before <= IDLE, "the worker ran while frames flowed"

    # the other way, and in the middle of it the worker is no more
    device = lan.send_past_a_kill(vm, console, 8 * MIB)
    assert has_vhost(vm, device["worker_pid"])

    # the link is the worker's to follow all the same
    link(vm, console, "down")
    link(vm, console, "up")

    # a reset, and the same queues anew
    console.command("cd /sys/bus/virtio/drivers/virtio_net && d=$(ls -d virtio*) && echo $d >unbind && echo $d >bind")
    lan.up(console)
    # the worker moves the frames, and gives them back, without the zone's noticing
    for accelerator in ("none", "vhost"):
        vm.drop("linux", confs.linux(tap="tap0", net={"Accelerator": accelerator}))
        generation = vm.wait(lambda: (d := vm.device("linux", "lan"))["state"] == "ready" and d["generation"] > device["generation"]
                             and d["generation"], what="another worker")
        device = vm.device("linux", "lan")
        assert has_vhost(vm, device["worker_pid"]) == (accelerator == "vhost")
        vm.run(f"ping -c 2 -s 1472 {ZONE}")
    assert vm.zone("linux")["restarts"] == 0


@case("net-without-vhost-is-served-by-its-worker-or-told-what-to-do-and-with-it-a-tap-that-goes-is-noticed")
def missing(vm):
    assert vm.run("test -e /dev/vhost-net", check=False).status != 0
    vm.drop("guest", confs.payload("console-irq", tap="tap0", net={"Accelerator": "vhost"}))
    vm.wait(lambda: "modprobe vhost_net" in vm.journal(), what="a word about vhost-net")
    vm.drop("guest", confs.payload("console-irq", tap="tap0"))
    pid, generation = witness.wait_ready(vm, "guest")["lan"]
    assert not has_vhost(vm, pid)
    assert vm.journal().count("its worker moves the frames") >= 1

    vm.run("modprobe vhost_net")
    vm.run(f"kill -9 {pid}")
    vm.wait(lambda: vm.device("guest", "lan")["generation"] > generation and vm.device("guest", "lan")["state"] == "ready", what="another worker")
    assert has_vhost(vm, vm.device("guest", "lan")["worker_pid"])
    vm.run("ip link del tap0")
    vm.wait(lambda: "ip tuntap add dev tap0" in (vm.device("guest", "lan")["message"] or ""), what="a word about the tap")
    assert "its tap interface was removed" in vm.journal()
