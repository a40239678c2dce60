/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "config/spec.h"

static const char *const device_types[_DEVICE_TYPE_MAX] = {
        [DEVICE_BLOCK] = "block",
        [DEVICE_CONSOLE] = "console",
};

/* Virtio 1.2, section 5. */
static const uint32_t virtio_ids[_DEVICE_TYPE_MAX] = {
        [DEVICE_BLOCK] = 2,
        [DEVICE_CONSOLE] = 3,
};

static const char *const restart_policies[_RESTART_POLICY_MAX] = {
        [RESTART_NO] = "no",
        [RESTART_ON_FAILURE] = "on-failure",
        [RESTART_ALWAYS] = "always",
};

const char *device_type_to_string(enum device_type type) {
        return type < _DEVICE_TYPE_MAX ? device_types[type] : NULL;
}

const char *restart_policy_to_string(enum restart_policy policy) {
        return policy < _RESTART_POLICY_MAX ? restart_policies[policy] : NULL;
}

uint32_t device_type_virtio_id(enum device_type type) {
        return type < _DEVICE_TYPE_MAX ? virtio_ids[type] : 0;
}

bool zone_name_valid(const char *name) {
        static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
        size_t length = strlen(name);

        return length > 0 && length < NAME_SIZE && name[0] != '.' && strspn(name, allowed) == length;
}

struct zone_spec *zone_spec_free(struct zone_spec *z) {
        if (!z)
                return NULL;
        free(z->path);
        free(z->kernel.path);
        free(z->device_tree.path);
        free(z->initrd.path);
        for (size_t i = 0; i < z->num_devices; i++)
                free(z->devices[i].image);
        free(z);
        return NULL;
}

/* In a copied struct: the string becomes the copy's own. */
static bool own(char **s) {
        if (!*s)
                return true;
        *s = strdup(*s);
        return *s;
}

struct zone_spec *zone_spec_copy(const struct zone_spec *z) {
        struct zone_spec *copy = malloc(sizeof(*copy));
        bool good;

        if (!copy)
                return NULL;
        *copy = *z;
        good = own(&copy->path);
        good &= own(&copy->kernel.path);
        good &= own(&copy->device_tree.path);
        good &= own(&copy->initrd.path);
        for (size_t i = 0; i < z->num_devices; i++)
                good &= own(&copy->devices[i].image);
        return good ? copy : zone_spec_free(copy);
}

struct board_spec *board_spec_free(struct board_spec *b) {
        if (!b)
                return NULL;
        free(b->path);
        free(b);
        return NULL;
}
