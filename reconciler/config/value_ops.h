/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What there is to each enum value_type. Shared by value.c, which has the table, and
 * the files with its rows: value_number.c, value_list.c, value_text.c, value_word.c.
 */
#pragma once

#include "config/value.h"

struct value_ops {
        /* @v is not empty. Writes @field only on success. Return: 0, -EINVAL (@e says what), -ENOMEM. */
        int (*parse)(const struct key_schema *k, struct slice v, void *field, struct value_error *e);
        void (*write)(const struct key_schema *k, const void *field, struct sink *to);
        bool (*is_none)(const void *field); /* NULL: no value of the field means that there is none */
        size_t default_size;                /* bytes of the field; 0: such keys have no default */
};

extern const struct value_ops value_number, value_address, value_place, value_size, value_percent, value_time;
extern const struct value_ops value_cpus, value_interrupts, value_affinities, value_regions;
extern const struct value_ops value_line, value_path, value_path_or_auto, value_name, value_interface, value_mac,
        value_serial, value_tag;
extern const struct value_ops value_yes_no, value_word, value_log_level;
extern const struct value_ops value_pci_address;
