/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What there is, as hvisor.ko and hvisor tell it. */
#include <string.h>

#include "base/fd.h"
#include "hypervisor/hvisor_driver.h"

int hvisor_zone_list(struct hvisor *h, struct hvisor_old_zone_info *zones, struct err *e) {
        struct hvisor_old_zone_list list = { .cnt = HVISOR_ZONES_MAX, .zones = (uintptr_t) zones };
        int n = call(h->control, HVISOR_OLD_ZONE_LIST, &list);

        if (n < 0)
                return err_set(e, n, "the hypervisor's list of zones: %s", strerror(-n));
        return MIN(n, (int) HVISOR_ZONES_MAX);
}

static int observe_devices(struct hvisor *h, struct zone_live *z) {
        struct hvisor_device_info devices[HVISOR_DEVICES_MAX] = {};
        struct hvisor_device_list list = { .count = HVISOR_DEVICES_MAX, .devices = (uintptr_t) devices };
        struct hvisor_zone_open open = { .id = z->id };
        _cleanup_close_ int fd = call(h->control, HVISOR_ZONE_OPEN, &open);
        int r;

        if (fd < 0)
                return fd;
        r = call(fd, HVISOR_DEVICE_LIST, &list);
        if (r < 0)
                return r;
        z->num_devices = MIN(list.count, (uint32_t) HVISOR_DEVICES_MAX);
        for (size_t i = 0; i < z->num_devices; i++) {
                const struct hvisor_device_info *from = &devices[i];
                struct device_live *to = &z->devices[i];

                copy_name(to->name, from->name);
                to->virtio_id = from->virtio_id;
                to->interrupt = from->interrupt;
                to->address = from->address;
                to->attached = from->flags & HVISOR_DEVICE_ATTACHED;
                to->hung = from->flags & HVISOR_DEVICE_HUNG;
                to->silent = from->flags & HVISOR_DEVICE_SILENT;
                to->broken = from->flags & HVISOR_DEVICE_BROKEN;
                to->withdrawn = from->flags & HVISOR_DEVICE_WITHDRAWN;
                to->worker_pid = from->worker_pid;
                to->generation = from->generation;
                to->cookie = from->cookie;
                to->status = from->status;
                to->kicks = from->kicks;
                to->calls = from->calls;
        }
        return 0;
}

static int observe_object(struct hvisor *h, const struct hvisor_zone_info *info, struct live *ret) {
        static const enum zone_object objects[] = {
                [HVISOR_ZONE_CREATED] = ZONE_OBJECT_CREATED,
                [HVISOR_ZONE_STARTED] = ZONE_OBJECT_STARTED,
                [HVISOR_ZONE_STOPPED] = ZONE_OBJECT_STOPPED,
        };
        struct zone_live *z = live_add(ret);
        int r;

        if (!z)
                return -ENOMEM;
        z->id = info->id;
        z->cpus = info->cpus;
        copy_name(z->name, info->name);
        z->object = info->state < ELEMENTSOF(objects) ? objects[info->state] : ZONE_OBJECT_NONE;
        z->owner_cookie = info->cookie[0];
        z->spec_cookie = info->cookie[1];
        r = observe_devices(h, z);
        if (r == -ENOENT || r == -ESTALE) { /* destroyed between the two calls */
                ret->num_zones--;
                return 0;
        }
        return r;
}

/*
 * Objects are listed before zones: a zone that is started between the two
 * calls then shows as running, not as one that has exited.
 */
static int observe_objects(struct hvisor *h, struct live *ret, struct err *e) {
        _cleanup_free_ struct hvisor_zone_info *zones = calloc(HVISOR_ZONES_MAX, sizeof(*zones));
        struct hvisor_zone_list list = { .count = HVISOR_ZONES_MAX, .zones = (uintptr_t) zones };
        int r;

        if (!zones)
                return -ENOMEM;
        r = call(h->control, HVISOR_ZONE_LIST, &list);
        if (r < 0)
                return err_set(e, r, "the module's list of zones: %s", strerror(-r));
        for (size_t i = 0; i < MIN(list.count, HVISOR_ZONES_MAX); i++) {
                r = observe_object(h, &zones[i], ret);
                if (r < 0)
                        return err_set(e, r, "devices of zone %.31s: %s", zones[i].name, strerror(-r));
        }
        return 0;
}

static struct zone_live *find_object(struct live *l, uint32_t id, const char *name) {
        for (size_t i = 0; i < l->num_zones; i++)
                if (l->zones[i].id == id && strcmp(l->zones[i].name, name) == 0)
                        return &l->zones[i];
        return NULL;
}

int hvisor_observe_listed(struct hypervisor *h, struct live *ret, struct err *e) {
        _cleanup_free_ struct hvisor_old_zone_info *zones = calloc(HVISOR_ZONES_MAX, sizeof(*zones));
        int n;

        if (!zones)
                return -ENOMEM;
        n = hvisor_zone_list(to_hvisor(h), zones, e);
        for (int i = 0; i < n; i++) {
                char name[NAME_SIZE];
                struct zone_live *z;

                if (zones[i].zone_id == 0)
                        continue;
                copy_name(name, zones[i].name);
                z = find_object(ret, zones[i].zone_id, name) ?: live_add(ret);
                if (!z)
                        return -ENOMEM;
                z->id = zones[i].zone_id;
                z->cpus = zones[i].cpus;
                memcpy(z->name, name, sizeof(name));
                z->listed = true;
                z->in_error = zones[i].is_err;
        }
        return MIN(n, 0);
}

int hvisor_list(struct hypervisor *h, struct zone_listed **ret, struct err *e) {
        _cleanup_free_ struct hvisor_old_zone_info *zones = calloc(HVISOR_ZONES_MAX, sizeof(*zones));
        _cleanup_free_ struct zone_listed *list = calloc(HVISOR_ZONES_MAX, sizeof(*list));
        int n;

        if (!zones || !list)
                return -ENOMEM;
        n = hvisor_zone_list(to_hvisor(h), zones, e);
        for (int i = 0; i < n; i++) {
                list[i] = (struct zone_listed){ .id = zones[i].zone_id,
                                                .cpus = zones[i].cpus,
                                                .in_error = zones[i].is_err };
                copy_name(list[i].name, zones[i].name);
        }
        if (n >= 0)
                *ret = TAKE_PTR(list);
        return n;
}

static int observe_root(struct hvisor *h, struct live *ret, struct err *e) {
        struct hvisor_info info = {};
        int r = call(h->control, HVISOR_INFO, &info);

        if (r < 0)
                return err_set(e, r, "asking the module: %s", strerror(-r));
        r = root_facts_read(&ret->root, e);
        if (r < 0)
                return r;
        ret->root.cpus = info.root_cpus;
        return 0;
}

int hvisor_observe(struct hypervisor *hypervisor, struct live *ret, struct err *e) {
        struct hvisor *h = to_hvisor(hypervisor);
        int r;

        ret->hypervisor = hypervisor->ops->name;
        ret->magic = h->magic;
        r = observe_root(h, ret, e);
        if (r < 0)
                return r;
        r = observe_objects(h, ret, e);
        if (r < 0)
                return r;
        return hvisor_observe_listed(hypervisor, ret, e);
}
