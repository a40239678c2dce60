/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network card's worker gets its tap, and the address that the card has. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <systemd/sd-id128.h>

#include "base/log.h"
#include "base/mac.h"
#include "base/tap.h"
#include "base/worker.h"
#include "engine/prepare.h"

/* Keeps the machine's id itself from showing in addresses: sd_id128_get_machine_app_specific(3). */
#define MAC_APPLICATION SD_ID128_MAKE(6b, 1f, 0d, 5c, 2e, 94, 4b, 0f, 9a, 37, c8, 51, e0, 7d, 42, 96)

/* The file's, or one that is this zone's and device's on this machine alone, and the same at every start. */
static void choose_mac(const struct launch_request *q, uint8_t ret[static MAC_SIZE]) {
        sd_id128_t machine = SD_ID128_NULL;

        memcpy(ret, q->device->mac, MAC_SIZE);
        if (!mac_is_zero(ret))
                return;
        (void) sd_id128_get_machine_app_specific(MAC_APPLICATION, &machine); /* a machine without one is its own */
        mac_derive(&machine, sizeof(machine), q->zone, q->device->name, ret);
}

#define VHOST_NET "/dev/vhost-net"

/* Opening the node may load the module. */
static int net_open(const struct device_spec *d, int *ret_fd, struct err *e) {
        int fd = d->accelerator == ACCELERATOR_NONE ? -1 : open(VHOST_NET, O_RDWR | O_CLOEXEC);

        if (fd < 0 && d->accelerator == ACCELERATOR_VHOST)
                return err_set(e, -errno,
                               VHOST_NET ": %s; Accelerator=vhost needs it (modprobe vhost_net), auto and none do not",
                               strerror(errno));
        *ret_fd = fd;
        return 0;
}

/* A worker that moves no frames does not hear from its tap when that goes. */
static int add_vhost(const struct launch_request *q, struct command *c, struct err *e) {
        int links, r;

        if (q->image_fd < 0) {
                if (q->device->accelerator == ACCELERATOR_AUTO)
                        log_info("zone %s, device %s: no " VHOST_NET "; its worker moves the frames", q->zone,
                                 q->device->name);
                return 0;
        }
        r = tap_watch(&links, e);
        if (r < 0)
                return r;
        command_add_fd(c, WORKER_OPTION_VHOST_FD, q->image_fd);
        command_add_owned_fd(c, WORKER_OPTION_LINKS_FD, links);
        return 0;
}

static int net_prepare(struct launcher_stock *s _unused_, const struct launch_request *q, struct command *c,
                       struct err *e) {
        const char *tap = q->device->tap;
        uint8_t mac[MAC_SIZE];
        int fd, r;

        r = tap_open(tap, &fd, e);
        if (r < 0)
                return r;
        command_add_owned_fd(c, WORKER_OPTION_TAP_FD, fd);
        r = add_vhost(q, c, e);
        if (r < 0)
                return r;
        choose_mac(q, mac);
        command_add_argument(c, "--%s=" MAC_FORMAT, WORKER_OPTION_MAC_ADDRESS, MAC_ARGS(mac));
        if (q->device->offload)
                command_add_argument(c, "--%s", WORKER_OPTION_OFFLOAD);
        if (tap_is_down(tap))
                log_warning("zone %s, device %s: %s is down, no frame passes; ip link set %s up", q->zone,
                            q->device->name, tap, tap);
        return 0;
}

const struct device_preparation net_preparation = {
        .open = net_open,
        .prepare = net_prepare,
};
