/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/words.h"

#include "config/spec.h"

_Static_assert(sizeof(enum restart_policy) == sizeof(unsigned), "enums are written as unsigned");

static const struct words all[_VALUE_TYPE_MAX] = {
        [VALUE_RESTART] = { "a restart policy", restart_policy_to_string },
        [VALUE_ON_CHANGE] = { "what a change can do", change_policy_to_string },
        [VALUE_CACHE] = { "a way of caching", cache_mode_to_string },
        [VALUE_ACCELERATOR] = { "an accelerator", accelerator_to_string },
        [VALUE_OUTPUT_LOG] = { "a log of the output", output_log_to_string },
        [VALUE_ARCHITECTURE] = { "an architecture", architecture_to_string },
        [VALUE_PCI_DEVICE_TYPE] = { "a type of PCI device", pci_device_type_to_string },
        [VALUE_VIRTIO_TYPE] = { "a type of device", virtio_type_to_string },
};

const struct words *value_words(enum value_type type) {
        return all[type].to_string ? &all[type] : NULL;
}
