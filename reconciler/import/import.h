/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hvisor-tool's JSON files as a zone of ours: its zone file gives all but the
 * devices, its virtio file those. What cannot be carried over is told in
 * the diagnostics, and stands in the comments: a warning, or an error where no zone
 * of ours can be made of it.
 */
#pragma once

#include <jansson.h>

#include "base/range.h"
#include "config/diagnostics.h"
#include "config/spec.h"

struct import {
        struct zone_spec *zone;                 /* owned; NULL: no zone file was read yet */
        struct range windows[ZONE_REGIONS_MAX]; /* guest: what the old file lists as virtio */
        size_t num_windows;
        const struct memory_spec
                *regions[ZONE_REGIONS_MAX]; /* the zone's, by the old file's numbers; NULL: no memory */
        struct diagnostics *d;
};

void import_clear(struct import *i);

/** import_is_devices() - it is a virtio file, and no zone file */
bool import_is_devices(const json_t *root);

/**
 * import_zone() - the zone file
 * @root: is used up
 * @path: relative files in it are taken from the current directory, as hvisor-tool does, or else from the file's own
 *
 * Return: 0; -EBADMSG, -ENOMEM: told in the diagnostics.
 */
int import_zone(struct import *i, const char *path, json_t *root);

/** import_devices() - the virtio file, after the zone's: of its zones the one with that id */
int import_devices(struct import *i, const char *path, json_t *root);

struct old_json;

/** import_ivcs() - ivc_configs of the zone file, whose interrupts were taken before */
void import_ivcs(struct old_json *j, struct zone_spec *z);

/** import_pci() - pci_config and alloc_pci_devs; import_modules() - modules */
void import_pci(struct old_json *j, struct zone_spec *z);
void import_modules(struct old_json *j, struct zone_spec *z);

/** import_x86() - arch_config of the zone file, whose regions were taken before */
void import_x86(struct import *i, struct old_json *arch);

/** import_path() - an absolute path of a file that @file names; free(); NULL: out of memory */
char *import_path(const char *file, const char *text);

/** import_text() - after all files: a commented .conf that has been checked; @ret: free(). Return: as above */
int import_text(struct import *i, char **ret);
