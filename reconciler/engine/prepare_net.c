/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network card's worker gets its tap, and the address that the card has. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <net/if.h>
#include <string.h>
#include <systemd/sd-id128.h>

#include "base/log.h"
#include "base/mac.h"
#include "base/rtnetlink.h"
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

/* One for each pair of queues. The first is there already, so that the module is, too. */
static int add_vhosts(const struct launch_request *q, unsigned pairs, struct command *c, struct err *e) {
        int fds[TAP_QUEUES_MAX] = { q->image_fd };

        if (q->image_fd < 0) {
                if (q->device->accelerator == ACCELERATOR_AUTO)
                        log_info("zone %s, device %s: no " VHOST_NET "; its worker moves the frames", q->zone,
                                 q->device->name);
                return 0;
        }
        for (unsigned i = 1; i < pairs; i++) {
                fds[i] = open(VHOST_NET, O_RDWR | O_CLOEXEC);
                if (fds[i] < 0)
                        return err_set(e, -errno, VHOST_NET ", for queue pair %u: %s", i + 1, strerror(errno));
                command_own_fd(c, fds[i]);
        }
        command_add_fds(c, WORKER_OPTION_VHOST_FDS, fds, pairs);
        return 0;
}

/* Pairs of them. */
static unsigned choose_queues(const struct device_spec *d) {
        return MIN(device_queues(d), (uint32_t) TAP_QUEUES_MAX);
}

static int add_taps(const struct launch_request *q, struct launcher_stock *s, const char *name, struct command *c,
                    struct err *e) {
        unsigned queues = choose_queues(q->device);
        const struct tap *tap;
        int r = taps_get(s->taps, q->zone, q->device, queues, &tap, e), fd;

        if (r < 0) /* an interface that is missing may be made at any moment */
                return r == -ENODEV ? -ENOTCONN : r;
        r = link_watch((int) if_nametoindex(name), &fd);
        if (r < 0)
                return err_set(e, r, "%s: its link cannot be watched: %s", name, strerror(-r));
        command_add_fds(c, WORKER_OPTION_TAP_FDS, tap->fds, tap->num_fds);
        command_add_owned_fd(c, WORKER_OPTION_LINK_FD, fd);
        command_add_argument(c, "--%s=%u", WORKER_OPTION_QUEUES, queues);
        return add_vhosts(q, queues, c, e);
}

static int net_prepare(struct launcher_stock *s, const struct launch_request *q, struct command *c, struct err *e) {
        char name[TAP_NAME_SIZE];
        uint8_t mac[MAC_SIZE];
        int r;

        tap_name_of(q->zone, q->device, name);
        r = add_taps(q, s, name, c, e);
        if (r < 0)
                return r;
        choose_mac(q, mac);
        command_add_argument(c, "--%s=" MAC_FORMAT, WORKER_OPTION_MAC_ADDRESS, MAC_ARGS(mac));
        command_add_argument(c, "--%s=%" PRIu32, WORKER_OPTION_MTU, q->device->mtu);
        if (q->device->offload)
                command_add_argument(c, "--%s", WORKER_OPTION_OFFLOAD);
        if (tap_is_down(name))
                log_warning("zone %s, device %s: %s is down, no frame passes; ip link set %s up", q->zone,
                            q->device->name, name, name);
        return 0;
}

static void net_adopt(struct launcher_stock *s, const struct adopted_worker *w) {
        taps_regain(s->taps, w->zone, w->device, w->settings, w->pid, w->pidfd);
}

static void net_forget(struct launcher_stock *s, const char *zone, const struct zone_spec *keep) {
        taps_drop(s->taps, zone, keep);
}

const struct device_preparation net_preparation = {
        .open = net_open,
        .prepare = net_prepare,
        .adopt = net_adopt,
        .forget = net_forget,
};
