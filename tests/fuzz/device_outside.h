/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is on the other side of a device, for fuzz_device.c. */
#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "fuzz/device_guest.h"

static struct {
        int image;     /* the fuzzer's own */
        int tell;      /* that the image has changed */
        int peer[2];   /* of each of the card's taps; of the console: its journal */
        int input;     /* of the console */
        int history;   /* that somebody follows */
        int slave;     /* its terminal's; -1: nobody has it */
        char path[64]; /* of that */
        bool deaf;     /* nobody takes what comes out */
} outside = { -1, -1, { -1, -1 }, -1, -1, -1, "", false };

static int memory_file(const char *name, size_t size) {
        int fd = memfd_create(name, MFD_CLOEXEC);

        CLAIM(fd >= 0 && ftruncate(fd, (off_t) size) == 0);
        return fd;
}
