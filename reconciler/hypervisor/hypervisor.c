/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The border to the drivers: puts the context on errors that all of them share. */
#include "hypervisor/hypervisor.h"

struct hypervisor *hypervisor_close(struct hypervisor *h) {
        if (h)
                h->ops->close(h);
        return NULL;
}

static int observed(struct hypervisor *h, struct live *ret, int r, struct err *e) {
        if (r >= 0)
                return 0;
        live_clear(ret);
        return err_add(e, r, "cannot see what runs on %s", h->ops->name);
}

int hypervisor_observe(struct hypervisor *h, struct live *ret, struct err *e) {
        return observed(h, ret, h->ops->observe(h, ret, e), e);
}

int hypervisor_observe_listed(struct hypervisor *h, struct live *ret, struct err *e) {
        return observed(h, ret, h->ops->observe_listed(h, ret, e), e);
}

int hypervisor_list(struct hypervisor *h, struct zone_listed **ret, struct err *e) {
        int n = h->ops->list(h, ret, e);

        return n < 0 ? err_add(e, n, "cannot see what runs on %s", h->ops->name) : n;
}

int hypervisor_zone_create(struct hypervisor *h, const struct zone_making *m, int *ret_fd, struct err *e) {
        int r = h->ops->zone_create(h, m, ret_fd, e);

        return r < 0 ? err_add(e, r, "cannot make the zone object") : 0;
}

int hypervisor_zone_open(struct hypervisor *h, uint32_t id, int *ret_fd, struct err *e) {
        int r = h->ops->zone_open(h, id, ret_fd, e);

        return r < 0 ? err_add(e, r, "cannot open the zone object %u", (unsigned) id) : 0;
}

int hypervisor_zone_acknowledge(struct hypervisor *h, int zone_fd) {
        return h->ops->zone_acknowledge(h, zone_fd);
}

int hypervisor_device_create(struct hypervisor *h, int zone_fd, const struct device_spec *d, int *ret_fd,
                             struct err *e) {
        int r = h->ops->device_create(h, zone_fd, d, ret_fd, e);

        return r < 0 ? err_add(e, r, "cannot make the device object %s", d->name) : 0;
}

int hypervisor_device_open(struct hypervisor *h, int zone_fd, const char *name, int *ret_fd, struct err *e) {
        int r = h->ops->device_open(h, zone_fd, name, ret_fd, e);

        return r < 0 ? err_add(e, r, "cannot open the device object %s", name) : 0;
}

int hypervisor_device_withdraw(struct hypervisor *h, int zone_fd, const char *name, struct err *e) {
        int r = h->ops->device_withdraw(h, zone_fd, name, e);

        return r < 0 ? err_add(e, r, "cannot withdraw the device object %s", name) : 0;
}

int hypervisor_zone_load(struct hypervisor *h, int zone_fd, const struct boot_file *file, const char *name,
                         struct err *e) {
        int r;

        if (file->fd < 0)
                return 0;
        r = h->ops->zone_load(h, zone_fd, file, e);
        return r < 0 ? err_add(e, r, "cannot load %s", name) : 0;
}

int hypervisor_zone_start(struct hypervisor *h, int zone_fd, const struct zone_spec *z, struct err *e) {
        int r = h->ops->zone_start(h, zone_fd, z, e);

        return r < 0 ? err_add(e, r, "%s does not start it", h->ops->name) : r;
}

int hypervisor_zone_stop(struct hypervisor *h, int zone_fd, struct err *e) {
        int r = h->ops->zone_stop(h, zone_fd, e);

        return r < 0 ? err_add(e, r, "%s does not stop it", h->ops->name) : 0;
}

int hypervisor_zone_destroy(struct hypervisor *h, int zone_fd, struct err *e) {
        int r = h->ops->zone_destroy(h, zone_fd, e);

        return r < 0 ? err_add(e, r, "cannot destroy the zone object") : 0;
}
