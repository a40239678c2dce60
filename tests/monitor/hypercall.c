/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "abi.h"
#include "control.h"
#include "hypercall.h"
#include "ivc.h"
#include "print.h"
#include "virtio_bridge.h"
#include "zone.h"

static int64_t init_virtio(uint64_t page, uint64_t unused) {
        (void) unused;
        virtio_bridge_set(page);
        return 0;
}

static int64_t finish_req(uint64_t unused1, uint64_t unused2) {
        (void) unused1;
        (void) unused2;
        virtio_finish_requests();
        return 0;
}

static int64_t start(uint64_t config, uint64_t size) {
        return zone_start((const struct zone_config *) config, size);
}

static int64_t shutdown(uint64_t id, uint64_t unused) {
        (void) unused;
        return zone_shutdown(id);
}

static int64_t zones(uint64_t infos, uint64_t count) {
        return zone_list((struct zone_info *) infos, count);
}

/* The one call that takes the address as the guest's; one that is not mapped is the end, too. */
static int64_t ivc_info(uint64_t info, uint64_t unused) {
        struct zone *z = zone_get_this();
        uint64_t address;
        int64_t r;

        (void) unused;
        zone_root_join_ivc();
        if (!stage2_translate(&z->stage2, info, &address))
                panic("IVC_INFO: zone %u has nothing at %x", (uint64_t) z->id, info);
        r = ivc_tell(z->id, (struct ivc_info *) address);
        zone_put(z);
        return r;
}

static int64_t config_check(uint64_t magic, uint64_t unused) {
        (void) unused;
        *(volatile uint64_t *) magic = knob_get(KNOB_CONFIG_MAGIC);
        return 0;
}

static const struct hypercall {
        bool root_only;
        int64_t (*fn)(uint64_t a1, uint64_t a2);
} hypercalls[] = {
        [HYPERCALL_INIT_VIRTIO]   = { true,  init_virtio },
        [HYPERCALL_FINISH_REQ]    = { true,  finish_req },
        [HYPERCALL_ZONE_START]    = { true,  start },
        [HYPERCALL_ZONE_SHUTDOWN] = { true,  shutdown },
        [HYPERCALL_ZONE_LIST]     = { false, zones },
        [HYPERCALL_IVC_INFO]      = { false, ivc_info },
        [HYPERCALL_CONFIG_CHECK]  = { false, config_check },
};

static int64_t hypercall(uint64_t code, uint64_t a1, uint64_t a2) {
        const struct hypercall *h;

        if (code == HYPERCALL_KNOB && zone_this_is_root())
                return (int64_t) knob_set(a1, a2);
        if (code >= ELEMENTSOF(hypercalls)) {
                print("hypercall %u is unknown", code);
                return 0;
        }
        h = &hypercalls[code];
        if (h->root_only && !zone_this_is_root())
                return -ABI_EPERM;
        return h->fn(a1, a2);
}

void hypercall_handle(struct guest_frame *f) {
        f->x[0] = (uint64_t) hypercall(f->x[0], f->x[1], f->x[2]);
}
