/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control.h"
#include "cpu.h"
#include "event.h"
#include "gic.h"
#include "print.h"
#include "virtio_bridge.h"

#define EVENT_QUEUE_SIZE 65536U

struct event_queue {
        struct spinlock lock;
        uint32_t head, tail;            /* free-running */
        uint8_t events[EVENT_QUEUE_SIZE];
};

static struct event_queue queues[BOARD_CPUS];

void event_send(unsigned int cpu, enum event e) {
        struct event_queue *q = &queues[cpu];

        spin_lock(&q->lock);
        if (e == EVENT_SHUTDOWN)
                q->head = q->tail;
        if (q->tail - q->head == EVENT_QUEUE_SIZE)
                panic("CPU %u: event queue is full", (uint64_t) cpu);
        q->events[q->tail++ % EVENT_QUEUE_SIZE] = e;
        control()->events[cpu] = q->tail - q->head;
        spin_unlock(&q->lock);
        gic_send_event_sgi(cpu);
}

static bool event_pop(struct event_queue *q, enum event *ret) {
        bool some;

        spin_lock(&q->lock);
        some = q->head != q->tail;
        if (some)
                *ret = q->events[q->head++ % EVENT_QUEUE_SIZE];
        control()->events[cpu_id()] = q->tail - q->head;
        spin_unlock(&q->lock);
        return some;
}

static void event_do(enum event e) {
        switch (e) {
        case EVENT_RUN:
                cpu_run();
        case EVENT_SHUTDOWN:
                cpu_park();
        case EVENT_VIRTIO_IRQ:
                virtio_inject_pending();
                return;
        case EVENT_WAKEUP:
                gic_inject(IRQ_WAKEUP, false);
                return;
        }
}

bool event_handle_one(void) {
        struct event_queue *q = &queues[cpu_id()];
        enum event e;

        if (!event_pop(q, &e))
                return false;
        event_do(e);
        while (knob_get(KNOB_DRAIN_EVENTS) && event_pop(q, &e))
                event_do(e);
        return true;
}
