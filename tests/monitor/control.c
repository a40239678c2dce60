/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "abi.h"
#include "control.h"

static const uint64_t knob_default[_KNOB_MAX] = {
        [KNOB_CONFIG_SIZE]      = sizeof(struct zone_config),
        [KNOB_CONFIG_MAGIC]     = ZONE_CONFIG_MAGIC,
        [KNOB_SHUTDOWN_WAIT_MS] = 7500,
};

void control_init(void) {
        volatile struct control *c = control();

        if (c->magic != CONTROL_MAGIC)
                for (unsigned int k = 0; k < _KNOB_MAX; k++)
                        c->knobs[k] = 0;
        c->magic = CONTROL_MAGIC;
        c->panicked = 0;
        c->message[0] = 0;
        c->running = CONTROL_MAGIC;
}

uint64_t knob_get(enum knob k) {
        uint64_t value = control()->knobs[k];

        return value ? value : knob_default[k];
}

uint64_t knob_set(uint64_t k, uint64_t value) {
        if (k >= _KNOB_MAX)
                return 0;
        control()->knobs[k] = value;
        return KNOB_ACCEPTED;
}
