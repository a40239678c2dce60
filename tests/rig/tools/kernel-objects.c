// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Prints what hvisor.ko keeps, whoever made it and whatever runs:
 *
 *   zone ID NAME STATE
 *   device ZONE NAME worker PID generation N flags 0xF status 0xS
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <hvisor.h>

#define ZONES_MAX 64

static void die(const char *what) {
        perror(what);
        exit(EXIT_FAILURE);
}

static void print_devices(int control, const struct hvisor_zone_info *zone) {
        struct hvisor_device_info devices[HVISOR_DEVICES_MAX];
        struct hvisor_device_list list = { .count = HVISOR_DEVICES_MAX, .devices = (uintptr_t) devices };
        struct hvisor_zone_open open = { .id = zone->id };
        int fd = ioctl(control, HVISOR_ZONE_OPEN, &open);

        if (fd < 0)
                return;         /* destroyed meanwhile */
        if (ioctl(fd, HVISOR_DEVICE_LIST, &list) < 0)
                die("devices");
        for (unsigned i = 0; i < list.count && i < HVISOR_DEVICES_MAX; i++)
                printf("device %.31s %.31s worker %d generation %llu flags 0x%x status 0x%x\n", zone->name, devices[i].name,
                       devices[i].worker_pid, (unsigned long long) devices[i].generation, devices[i].flags,
                       devices[i].status);
        close(fd);
}

int main(void) {
        static const char *const states[] = { "created", "started", "stopped" };
        struct hvisor_zone_info zones[ZONES_MAX];
        struct hvisor_zone_list list = { .count = ZONES_MAX, .zones = (uintptr_t) zones };
        int control = open("/dev/hvisor", O_RDWR | O_CLOEXEC);

        if (control < 0)
                die("/dev/hvisor");
        if (ioctl(control, HVISOR_ZONE_LIST, &list) < 0)
                die("zones");
        for (unsigned i = 0; i < list.count && i < ZONES_MAX; i++) {
                printf("zone %u %.31s %s\n", zones[i].id, zones[i].name, zones[i].state < 3 ? states[zones[i].state] : "?");
                print_devices(control, &zones[i]);
        }
        return EXIT_SUCCESS;
}
