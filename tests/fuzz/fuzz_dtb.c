// wrap: calloc free
/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device trees from whoever made them, held against a zone. What is said is fit for a terminal, and takes no longer
 * than reading; nothing behind the tree's last byte is looked at: libfdt's own code is not instrumented, so the copy
 * that the parser makes ends at a page that nobody may touch.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/macros.h"
#include "boot/boot.h"
#include "boot/tree.h"
#include "config/parse.h"
#include "fuzz/fuzz.h"

#define TREE_FD   200 /* a number that the zone's file can name */
#define SPACE     (TREE_MAX + 0x1000)
#define ZONE_TREE "/proc/self/fd/200"

static const char zone_text[] = "[Zone]\nId=1\nCPUs=2-3\nKernel=/k\nKernelAddress=0x50400000\nEntryPoint=0x50400000\n"
                                "DeviceTree=" ZONE_TREE "\nDeviceTreeAddress=0x50000000\n"
                                "Initrd=/i\nInitrdAddress=0x53000000\nInterrupts=40\n"
                                "[Memory ram]\nPhysicalAddress=0x50000000\nSize=768M\n"
                                "[IO uart]\nPhysicalAddress=0x9000000\nSize=4K\n"
                                "[Block root]\nImage=/disk\nAddress=0xa003c00\nInterrupt=78\n"
                                "[Net lan]\nTap=tap0\nAddress=0xa003600\nInterrupt=75\n"
                                "[Console main]\nAddress=0xa003800\nInterrupt=76\n"
                                "[GIC]\nVersion=3\nDistributorAddress=0x8000000\nDistributorSize=0x10000\n"
                                "RedistributorAddress=0x80a0000\nRedistributorSize=0xf60000\n";

/* ---- a copy with a guard behind it -------------------------------------------------------------------- */

static struct {
        uint8_t *space; /* SPACE bytes, and a page that cannot be touched */
        void *tree;     /* in it; NULL: it is free */
        size_t size;    /* of the tree that is looked at; 0: none */
} guard;

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void __real_free(void *p);
void __wrap_free(void *p);

void *__wrap_calloc(size_t count, size_t size) {
        if (guard.size == 0 || count != 1 || size != guard.size || guard.tree)
                return __real_calloc(count, size);
        guard.tree = guard.space + SPACE - (size + 7) / 8 * 8; /* as malloc(3) aligns it, and a tree is to be */
        memset(guard.tree, 0, size);
        return guard.tree;
}

void __wrap_free(void *p) {
        if (p && p == guard.tree)
                guard.tree = NULL;
        else
                __real_free(p);
}

/* ---- one input ---------------------------------------------------------------------------------------- */

static struct zone_spec *zone;

static void set_up_once(void) {
        struct diagnostics d = {};
        int fd;

        if (zone)
                return;
        CLAIM(zone_spec_parse("linux2", "linux2.conf", zone_text, strlen(zone_text), &d, &zone) == 0);
        guard.space = mmap(NULL, SPACE + 0x1000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CLAIM(guard.space != MAP_FAILED && mprotect(guard.space + SPACE, 0x1000, PROT_NONE) == 0);
        fd = memfd_create("tree", MFD_CLOEXEC);
        CLAIM(fd >= 0 && dup2(fd, TREE_FD) == TREE_FD);
        close(fd);
}

static void claim_facts(size_t size) {
        struct tree_facts facts;
        char path[TREE_PATH_MAX];
        const char *why = NULL;
        struct tree t = {};
        int r = tree_load(TREE_FD, size, "folder/tree.dtb", &t, &why);

        CLAIM(r == 0 ? t.blob != NULL && !why : r == -EBADMSG && why && !t.blob);
        if (r < 0)
                return;
        tree_scan(&t, &facts);
        CLAIM(facts.num_memory <= TREE_ITEMS_MAX && facts.num_virtio <= TREE_ITEMS_MAX);
        CLAIM(facts.num_registers <= TREE_ITEMS_MAX && facts.num_cpus <= CPUS_MAX);
        CLAIM(facts.gic.num_regions <= TREE_GIC_REGIONS);
        for (size_t i = 0; i < facts.num_virtio; i++)
                CLAIM(strlen(tree_path(&t, facts.virtio[i].at.node, path)) < sizeof(path));
        tree_clear(&t);
}

static void claim_compared(void) {
        _cleanup_(diagnostics_clear) struct diagnostics d = {};
        int r = boot_check(zone, NULL, true, &d);

        CLAIM(r == (d.errors > 0 ? -EBADMSG : 0));
        for (size_t i = 0; i < d.count; i++)
                for (const char *p = d.items[i].message; *p; p++)
                        CLAIM((unsigned char) *p >= 0x20 && *p != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        unsigned before;

        set_up_once();
        before = count_fds();
        CLAIM(ftruncate(TREE_FD, 0) == 0 && pwrite(TREE_FD, data, size, 0) == (ssize_t) size);
        guard.size = size;
        claim_facts(size);
        claim_compared();
        guard.size = 0;
        CLAIM(!guard.tree && count_fds() == before);
        return 0;
}
