/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "abi.h"
#include "event.h"
#include "gic.h"
#include "print.h"
#include "virtio_bridge.h"
#include "zone.h"

#define PENDING_MAX (BRIDGE_DEVICES_MAX - 1)
#define SPINS_BEFORE_NAP 200

struct pending {
        uint32_t count;
        uint32_t irqs[PENDING_MAX];
};

static volatile struct bridge_page *bridge_base;
static struct spinlock request_lock, result_lock, irqs_lock;
static struct pending pendings[BOARD_CPUS];

void virtio_bridge_set(uint64_t page) {
        if (page % PAGE_SIZE)
                panic("INIT_VIRTIO: page %x is not aligned", page);
        __atomic_store_n(&bridge_base, (volatile struct bridge_page *) page, __ATOMIC_RELEASE);
}

static volatile struct bridge_page *bridge(const char *who) {
        volatile struct bridge_page *b = __atomic_load_n(&bridge_base, __ATOMIC_ACQUIRE);

        if (!b)
                panic("%s before INIT_VIRTIO", who);
        return b;
}

static bool request_ring_full(volatile struct bridge_page *b) {
        uint32_t front = b->req_front;

        return (b->req_rear + 1) % BRIDGE_RING == front;
}

/* Waits for a free slot; the lock is let go between looks, for root's CPU must get on. Returns with it held. */
static void request_lock_with_room(volatile struct bridge_page *b) {
        spin_lock(&request_lock);
        while (request_ring_full(b)) {
                spin_unlock(&request_lock);
                cpu_nap();
                spin_lock(&request_lock);
        }
}

static void push_request(volatile struct bridge_page *b, const struct mmio_access *a, bool posted) {
        uint32_t rear;
        volatile struct device_request *r;

        request_lock_with_room(b);
        rear = b->req_rear;
        r = &b->req_list[rear % BRIDGE_RING];
        r->src_cpu = cpu_id();
        r->address = a->address;
        r->size = a->size;
        r->value = a->is_write ? a->value : 0;
        r->src_zone = zone_this_id();
        r->is_write = a->is_write;
        r->need_interrupt = posted;
        r->pad = 0;
        /* The slot before the index: pairs with the back-end's read of req_rear. */
        __atomic_thread_fence(__ATOMIC_RELEASE);
        b->req_rear = (rear + 1) % BRIDGE_RING;
        spin_unlock(&request_lock);
}

static void wait_for_answer(volatile struct bridge_page *b, uint64_t old) {
        for (unsigned int n = 0; b->cfg_flags[cpu_id()] == old; n++) {
                if (n < SPINS_BEFORE_NAP)
                        cpu_relax();
                else
                        cpu_nap();
        }
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
}

/* As in hvisor there is no store-load barrier between req_rear and need_wakeup: a back-end must live with that. */
void virtio_access(struct zone *z, uint64_t region, struct mmio_access *a) {
        bool posted = a->address - region == VIRTIO_QUEUE_NOTIFY;
        volatile struct bridge_page *b;
        uint64_t old;

        if (!__atomic_load_n(&bridge_base, __ATOMIC_ACQUIRE)) {
                print("zone %u uses virtio before INIT_VIRTIO", (uint64_t) z->id);
                cpu_dead();
        }
        b = bridge("virtio access");
        old = b->cfg_flags[cpu_id()];
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        push_request(b, a, posted);
        if (b->need_wakeup == 1)
                event_send(zone_first_cpu(ROOT_ZONE_ID), EVENT_WAKEUP);
        if (posted)
                return;
        wait_for_answer(b, old);
        if (!a->is_write)
                a->value = b->cfg_values[cpu_id()];
}

static void list_irq(unsigned int cpu, uint32_t irq) {
        struct pending *p = &pendings[cpu];

        for (uint32_t i = 0; i < p->count; i++)
                if (p->irqs[i] == irq)
                        return;
        if (p->count == PENDING_MAX)
                panic("more than %u virtio interrupts are pending for CPU %u", (uint64_t) PENDING_MAX, (uint64_t) cpu);
        p->irqs[p->count++] = irq;
        event_send(cpu, EVENT_VIRTIO_IRQ);
}

void virtio_finish_requests(void) {
        volatile struct bridge_page *b = bridge("FINISH_REQ");

        spin_lock(&result_lock);
        spin_lock(&irqs_lock);
        while (b->res_front != b->res_rear) {
                uint32_t front = b->res_front;
                int cpu;

                __atomic_thread_fence(__ATOMIC_ACQUIRE);
                if (front >= BRIDGE_RING)
                        panic("FINISH_REQ: res_front is %u", (uint64_t) front);
                cpu = zone_first_cpu(b->res_list[front].target_zone);
                if (cpu >= 0)
                        list_irq((unsigned int) cpu, b->res_list[front].irq_id);
                __atomic_thread_fence(__ATOMIC_RELEASE);
                b->res_front = (front + 1) % BRIDGE_RING;
        }
        spin_unlock(&irqs_lock);
        spin_unlock(&result_lock);
}

void virtio_inject_pending(void) {
        struct pending *p = &pendings[cpu_id()];

        spin_lock(&irqs_lock);
        for (uint32_t i = 0; i < p->count; i++)
                gic_inject(p->irqs[i], false);
        p->count = 0;
        spin_unlock(&irqs_lock);
}

void virtio_lock_irqs(void) {
        spin_lock(&irqs_lock);
}

void virtio_unlock_irqs(void) {
        spin_unlock(&irqs_lock);
}

void virtio_forget_irqs(unsigned int cpu) {
        pendings[cpu].count = 0;
}
