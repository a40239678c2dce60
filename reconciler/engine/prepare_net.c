/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network card's worker gets its tap, and the address that the card has. */
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

static int net_prepare(struct launcher_stock *s _unused_, const struct launch_request *q, struct command *c,
                       struct err *e) {
        const char *tap = q->device->tap;
        uint8_t mac[MAC_SIZE];
        int fd, r;

        r = tap_open(tap, &fd, e);
        if (r < 0)
                return r;
        command_add_owned_fd(c, WORKER_OPTION_TAP_FD, fd);
        choose_mac(q, mac);
        command_add_argument(c, "--%s=" MAC_FORMAT, WORKER_OPTION_MAC_ADDRESS, MAC_ARGS(mac));
        if (q->device->offload)
                command_add_argument(c, "--%s", WORKER_OPTION_OFFLOAD);
        if (tap_is_down(tap))
                log_warning("zone %s, device %s: %s is down, no frame passes; ip link set %s up", q->zone,
                            q->device->name, tap, tap);
        return 0;
}

const struct device_preparation net_preparation = { .prepare = net_prepare };
