// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Starts a zone as hvisor's older tool does it, behind the daemon's back: for cases about zones that are not the daemon's.
 *
 *   old-zone start ID NAME CPUS RAM SIZE FILE     CPUS is a bitmap; FILE is loaded 4 MiB into RAM and entered there
 *   old-zone shutdown ID
 *   old-zone list                                 "ID CPUS NAME", and " error" where the zone has one
 *
 * Exit status: 0; 1 with a message and the kernel's error.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hvisor.h>

#define KERNEL_OFFSET 0x400000
#define ZONES_MAX 16

/* zone_config of magic 0x5 on arm64; what this tool leaves 0 has no name. */
struct zone_config {
        uint32_t zone_id;
        uint64_t cpus;
        uint32_t num_memory_regions;
        struct {
                uint32_t type;          /* 0: RAM */
                uint64_t physical_start, virtual_start, size;
        } memory_regions[64];
        uint8_t interrupts_and_channels[216];
        uint64_t entry_point;
        uint64_t kernel_load_paddr, kernel_size;
        uint64_t dtb_load_paddr, dtb_size;
        char name[32];
        uint64_t is_aarch32;
        uint64_t gic_version;           /* 1: GICv3 */
        uint64_t gicd_base, gicd_size, gicr_base, gicr_size;
        uint8_t gits_and_pci[728];
};
_Static_assert(offsetof(struct zone_config, entry_point) == 2288, "zone_config");
_Static_assert(offsetof(struct zone_config, gic_version) == 2368, "zone_config");
_Static_assert(sizeof(struct zone_config) == 3136, "zone_config");

static void die(const char *what) {
        perror(what);
        exit(EXIT_FAILURE);
}

static uint64_t number(const char *text) {
        char *end;
        uint64_t n = strtoull(text, &end, 0);

        if (end == text || *end) {
                fprintf(stderr, "old-zone: %s is not a number\n", text);
                exit(EXIT_FAILURE);
        }
        return n;
}

static uint64_t load(int control, const char *path, uint64_t address) {
        struct hvisor_old_load_image image = { .load_paddr = address };
        int fd = open(path, O_RDONLY|O_CLOEXEC);
        struct stat st;
        void *data;

        if (fd < 0 || fstat(fd, &st) < 0)
                die(path);
        data = mmap(NULL, (size_t) st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
                die(path);
        image.user_buffer = (uintptr_t) data;
        image.size = (uint64_t) st.st_size;
        if (ioctl(control, HVISOR_OLD_LOAD_IMAGE, &image) < 0)
                die("load");
        return image.size;
}

static void start(int control, char **words) {
        struct zone_config c = {
                .zone_id = (uint32_t) number(words[0]),
                .cpus = number(words[2]),
                .num_memory_regions = 1,
                .gic_version = 1,
                .gicd_base = 0x8000000, .gicd_size = 0x10000,
                .gicr_base = 0x80a0000, .gicr_size = 0xf60000,
        };
        uint64_t ram = number(words[3]);

        snprintf(c.name, sizeof c.name, "%s", words[1]);
        c.memory_regions[0].physical_start = c.memory_regions[0].virtual_start = ram;
        c.memory_regions[0].size = number(words[4]);
        c.entry_point = c.kernel_load_paddr = ram + KERNEL_OFFSET;
        c.kernel_size = load(control, words[5], c.kernel_load_paddr);
        c.dtb_load_paddr = ram;
        if (ioctl(control, HVISOR_OLD_ZONE_START, &c) < 0)
                die("start");
}

static void list(int control) {
        struct hvisor_old_zone_info zones[ZONES_MAX];
        struct hvisor_old_zone_list l = { .cnt = ZONES_MAX, .zones = (uintptr_t) zones };
        int n = ioctl(control, HVISOR_OLD_ZONE_LIST, &l);

        if (n < 0)
                die("list");
        for (int i = 0; i < n; i++)
                printf("%" PRIu32 " 0x%" PRIx64 " %.32s%s\n", zones[i].zone_id, (uint64_t) zones[i].cpus, zones[i].name,
                       zones[i].is_err ? " error" : "");
}

int main(int argc, char **argv) {
        int control = open("/dev/hvisor", O_RDWR|O_CLOEXEC);

        if (control < 0)
                die("/dev/hvisor");
        if (argc == 8 && strcmp(argv[1], "start") == 0) {
                start(control, argv + 2);
        } else if (argc == 3 && strcmp(argv[1], "shutdown") == 0) {
                if (ioctl(control, HVISOR_OLD_ZONE_SHUTDOWN, (unsigned long) number(argv[2])) < 0)
                        die("shutdown");
        } else if (argc == 2 && strcmp(argv[1], "list") == 0) {
                list(control);
        } else {
                fputs("usage: old-zone start ID NAME CPUS RAM SIZE FILE | shutdown ID | list\n", stderr);
                return EXIT_FAILURE;
        }
        return EXIT_SUCCESS;
}
