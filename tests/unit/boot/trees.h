/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A directory with what a zone boots from, and device trees from their source: dtc has the last word on what is one. */
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include "../config/common.h"
#include "base/fd.h"
#include "boot/boot.h"

/* As good_zone, with all that it boots from, and what its device tree says. */
#define BOOT_ZONE                                                                                                      \
        "[Zone]\nId=1\nCPUs=2-3\nKernel=DIR/kernel\nKernelAddress=0x50400000\nEntryPoint=0x50400000\n"                 \
        "DeviceTree=DIR/dtb\nDeviceTreeAddress=0x50000000\nInitrd=DIR/initrd\nInitrdAddress=0x50800000\n"              \
        "[Memory ram]\nPhysicalAddress=0x50000000\nSize=16M\n"                                                         \
        "[Block root]\nImage=/disk\nAddress=0xa003c00\nInterrupt=78\n"                                                 \
        "[Console main]\nAddress=0xa003800\nInterrupt=76\n"

extern const char boot_tree[];

int enter_directory(void **state);
/** enter_with_images() - with a kernel and an initrd in it */
int enter_with_images(void **state);
int remove_directory(void **state);

/** put_file() - @size bytes, which begin with @head */
void put_file(const char *name, const void *head, size_t head_size, off_t size);

/** put_tree() - compiled by dtc, which must not find fault with it unless @quiet; padded to 4096 bytes */
void put_tree(const char *name, const char *source);

/** tree_source() - of a tree of which dtc must not find fault; free() */
char *tree_source(int fd);

/** boot_zone() - BOOT_ZONE, or @text, with @from replaced by @to, and DIR by the directory */
struct zone_spec *boot_zone(const char *text, const char *from, const char *to);

/** without_directory() - a message's, back to what the rows say */
void without_directory(char *text);
