/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trees.h"

#include <dirent.h>
#include <sys/wait.h>

const char boot_tree[] =
        "/dts-v1/;\n"
        "/ {\n"
        "#address-cells = <2>; #size-cells = <2>; interrupt-parent = <&gic>; compatible = \"linux,dummy-virt\";\n"
        "chosen { linux,initrd-start = <0x50800000>; linux,initrd-end = <0x50801000>; };\n"
        "psci { compatible = \"arm,psci-1.0\", \"arm,psci-0.2\"; method = \"smc\"; };\n"
        "cpus { #address-cells = <1>; #size-cells = <0>;\n"
        "cpu@2 { device_type = \"cpu\"; compatible = \"arm,armv8\"; reg = <2>; enable-method = \"psci\"; };\n"
        "cpu@3 { device_type = \"cpu\"; compatible = \"arm,armv8\"; reg = <3>; enable-method = \"psci\"; };\n"
        "};\n"
        "memory@50000000 { device_type = \"memory\"; reg = <0 0x50000000 0 0x1000000>; };\n"
        "gic: interrupt-controller@8000000 { compatible = \"arm,gic-v3\"; #interrupt-cells = <3>; "
        "interrupt-controller;\n"
        "reg = <0 0x8000000 0 0x10000>, <0 0x80a0000 0 0xf60000>; #address-cells = <2>; #size-cells = <2>; ranges;\n"
        "};\n"
        "virtio_mmio@a003800 { compatible = \"virtio,mmio\"; reg = <0 0xa003800 0 0x200>; interrupts = <0 44 1>; "
        "dma-coherent; };\n"
        "virtio_mmio@a003c00 { compatible = \"virtio,mmio\"; reg = <0 0xa003c00 0 0x200>; interrupts = <0 46 1>; "
        "dma-coherent; };\n"
        "};\n";

static char directory[] = "/tmp/hvisor-boot-XXXXXX";

int enter_directory(void **state _unused_) {
        assert_non_null(mkdtemp(directory));
        return chdir(directory);
}

int remove_directory(void **state _unused_) {
        DIR *d = opendir(".");
        struct dirent *e;

        while (d && (e = readdir(d)))
                if (e->d_name[0] != '.')
                        (void) unlink(e->d_name);
        if (d)
                closedir(d);
        return chdir("/") < 0 ? -1 : rmdir(directory);
}

void put_file(const char *name, const void *head, size_t head_size, off_t size) {
        _cleanup_close_ int fd = -1;

        (void) unlink(name); /* a file that is emptied and filled again is written to the disk at once */
        fd = open(name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(write_all(fd, head, head_size), 0);
        assert_int_equal(ftruncate(fd, size), 0);
}

void put_tree(const char *name, const char *source) {
        char command[128];
        FILE *f;

        snprintf(command, sizeof(command), "dtc -q -I dts -O dtb -S 4096 -o %s -", name);
        f = popen(command, "we");
        assert_non_null(f);
        fputs(source, f);
        if (pclose(f) != 0)
                fail_msg("dtc does not take:\n%s", source);
}

char *tree_source(int fd) {
        char command[128], *text;
        size_t size;

        snprintf(command, sizeof(command), "dtc -s -I dtb -O dts -o source /proc/%d/fd/%d 2>faults", (int) getpid(),
                 fd);
        (void) unlink("source");
        assert_int_equal(system(command), 0);
        assert_int_equal(file_read(AT_FDCWD, "faults", 1 << 20, &text, &size), 0);
        assert_string_equal(text, "");
        free(text);
        assert_int_equal(file_read(AT_FDCWD, "source", 1 << 20, &text, &size), 0);
        return text;
}

struct zone_spec *boot_zone(const char *text, const char *from, const char *to) {
        char *all = replaced(text, from, to);
        struct zone_spec *z;

        while (strstr(all, "DIR")) {
                char *next = replaced(all, "DIR", directory);

                free(all);
                all = next;
        }
        z = parse_good("x", all);
        free(all);
        return z;
}

void without_directory(char *text) {
        size_t n = strlen(directory) + 1;

        for (char *at = strstr(text, directory); at; at = strstr(at, directory))
                memmove(at, at + n, strlen(at + n) + 1);
}

int enter_with_images(void **state) {
        if (enter_directory(state) < 0)
                return -1;
        put_file("kernel", "bare metal", 10, 4096);
        put_file("initrd", "", 0, 5000);
        return 0;
}
