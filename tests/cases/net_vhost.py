# SPDX-License-Identifier: GPL-2.0-or-later
"""Network cards whose frames vhost-net moves: no process of ours runs while they flow, and none is missed when it dies."""

from net import MIB, ROOT, ZONE, lan, receive, send_past_a_kill
from rig import confs, witness
from rig.cases import case

# Time slices of a worker that does no more than give the module its sign of life each second.
IDLE = 40
FRAMES = 1000                           # of what is sent here, at the least


def linux(accelerator=None):
    text = confs.linux(tap="tap0")
    return text.replace("[Net lan]\n", f"[Net lan]\nAccelerator={accelerator}\n") if accelerator else text


def boot(vm, text):
    vm.boot("linux", text)
    console = vm.console("linux")
    console.expect("^zone: ready$")
    console.expect("zone# ")
    console.command(f"ip addr add {ZONE}/24 dev eth0 && ip link set eth0 up && ping -c 2 -s 1472 {ROOT}")
    return console


def packets(vm):
    """That went either way; to the zone with offloads, as many as one likes in each."""
    return sum(int(n) for n in vm.out("cat /sys/class/net/tap0/statistics/[rt]x_bytes").split()) // 1500


def has_vhost(vm, pid):
    return "/dev/vhost-net" in vm.out(f"ls -l /proc/{pid}/fd")


@case("net-with-vhost-no-process-runs-while-frames-flow-and-a-killed-worker-is-not-missed")
def vhost(vm):
    vm.run("modprobe vhost_net")
    console = boot(vm, linux())
    pid, _ = witness.attachments(vm, "linux")["lan"]
    assert has_vhost(vm, pid)

    before, frames = witness.switches(vm, pid), packets(vm)
    receive(vm, console, 2 * MIB)
    vm.run(f"ping -c 20 -i 0.01 -s 1472 {ZONE}")
    assert packets(vm) - frames >= FRAMES
    assert witness.switches(vm, pid) - before <= IDLE, "the worker ran while frames flowed"

    # the other way, and in the middle of it the worker is no more
    device = send_past_a_kill(vm, console, 4 * MIB)
    assert has_vhost(vm, device["worker_pid"])

    # a reset, and the same queues anew
    console.command("cd /sys/bus/virtio/drivers/virtio_net && d=$(ls -d virtio*) && echo $d >unbind && echo $d >bind")
    console.command(f"ip addr add {ZONE}/24 dev eth0 && ip link set eth0 up && ping -c 2 -s 1472 {ROOT}")
    # the worker moves the frames, and gives them back, without the zone's noticing
    for accelerator in ("none", "vhost"):
        vm.drop("linux", linux(accelerator))
        generation = vm.wait(lambda: (d := lan(vm, "linux"))["state"] == "ready" and d["generation"] > device["generation"]
                             and d["generation"], what="another worker")
        device = lan(vm, "linux")
        assert has_vhost(vm, device["worker_pid"]) == (accelerator == "vhost")
        vm.run(f"ping -c 2 -s 1472 {ZONE}")
    assert vm.zone("linux")["restarts"] == 0


@case("net-without-vhost-is-served-by-its-worker-or-told-what-to-do-and-with-it-a-tap-that-goes-is-noticed")
def missing(vm):
    assert vm.run("test -e /dev/vhost-net", check=False).status != 0
    vm.drop("guest", confs.payload("console-irq", tap="tap0").replace("Tap=tap0\n", "Tap=tap0\nAccelerator=vhost\n"))
    vm.wait(lambda: "modprobe vhost_net" in vm.journal(), what="a word about vhost-net")
    vm.drop("guest", confs.payload("console-irq", tap="tap0"))
    pid, generation = witness.wait_ready(vm, "guest")["lan"]
    assert not has_vhost(vm, pid)
    assert vm.journal().count("its worker moves the frames") >= 1

    vm.run("modprobe vhost_net")
    vm.run(f"kill -9 {pid}")
    vm.wait(lambda: lan(vm, "guest")["generation"] > generation and lan(vm, "guest")["state"] == "ready", what="another worker")
    assert has_vhost(vm, lan(vm, "guest")["worker_pid"])
    vm.run("ip link del tap0")
    vm.wait(lambda: "ip tuntap add dev tap0" in (lan(vm, "guest")["message"] or ""), what="a word about the tap")
    assert "its tap interface was removed" in vm.journal()
