/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The devices of `hvisor virtio start --device …`, as hvisor-tool's virtio file would say them. */
#pragma once

#include <jansson.h>

#include "config/diagnostics.h"

#define OLD_DEVICE_OPTION "--device" /* what messages call the file that there is none of */

/**
 * old_devices_parse() - from "blk,addr=0xa003c00,len=0x200,irq=78,zone_id=1,img=rootfs2.ext4" and the like
 *
 * Return: the virtio file's JSON, json_decref(); NULL: it was said what is wrong.
 */
json_t *old_devices_parse(const char *const *texts, size_t count, struct diagnostics *d);
