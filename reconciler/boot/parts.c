/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a zone has in its RAM besides kernel, device tree and initrd: modules, and what a kernel of x86_64 boots with. */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "boot/booting.h"

#define PAGE_SIZE        0x1000
#define VERSION_OFFSET   0x206 /* in the setup code: Linux, Documentation/arch/x86/boot.rst, "version" */
#define VERSION_NEEDED   0x0204
#define NOTHING_IS_THERE ((struct image){ .spec = &nothing, .file = { .fd = -1 } })

static const struct image_spec nothing;

void parts_list(struct booting *b) {
        const struct zone_spec *z = b->f.zone;

        b->images[BOOT_SETUP] = b->images[BOOT_COMMAND_LINE] = NOTHING_IS_THERE;
        for (size_t i = 0; i < ZONE_MODULES_MAX; i++)
                b->images[BOOT_MODULE + i] = NOTHING_IS_THERE;
        if (z->x86.setup.path)
                b->images[BOOT_SETUP] =
                        (struct image){ "Setup", &z->x86.setup, { -1, 0, z->x86.setup.address }, 0, &z->x86 };
        for (size_t i = 0; i < z->num_modules; i++)
                b->images[BOOT_MODULE + i] = (struct image){
                        "File", &z->modules[i].image, { -1, 0, z->modules[i].image.address }, 0, &z->modules[i]
                };
}

/* With its NUL. */
static void put_command_line(struct booting *b) {
        const struct x86_spec *x = &b->f.zone->x86;
        struct image *image = &b->images[BOOT_COMMAND_LINE];
        _cleanup_close_ int fd = memfd_create("command-line", MFD_CLOEXEC);
        size_t size = strlen(x->command_line) + 1;

        if (fd < 0 || write(fd, x->command_line, size) != (ssize_t) size) {
                finding(&b->f, x, "CommandLine", "CommandLine=: it cannot be kept in memory: %s", strerror(errno));
                return;
        }
        image->key = "CommandLine";
        image->object = x;
        image->room = size;
        image->file = (struct boot_file){ TAKE_FD(fd), size, x->command_line_address };
}

/* The hypervisor writes the kernel's boot parameters there, a page of them, and panics on an older kernel. */
static void check_setup(struct booting *b) {
        struct image *image = &b->images[BOOT_SETUP];
        uint16_t version = 0;

        image->room = MAX(image->room, (uint64_t) PAGE_SIZE);
        if (pread(image->file.fd, &version, sizeof(version), VERSION_OFFSET) != sizeof(version) ||
            le16toh(version) < VERSION_NEEDED)
                finding(&b->f, image->object, image->key,
                        "Setup=: %s is not the setup code of a kernel with boot protocol 2.04 or later, on another the "
                        "hypervisor panics",
                        image->spec->path);
}

void parts_check(struct booting *b) {
        if (b->images[BOOT_SETUP].room > 0)
                check_setup(b);
        if (b->f.zone->x86.command_line)
                put_command_line(b);
}
