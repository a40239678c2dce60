// wrap: calloc free
/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device trees from whoever made them, held against a zone, and made to say what it has. What is said is fit for a
 * terminal; what was fixed says what the zone has, and needs no second time; nothing behind the tree's last byte is looked at: libfdt's own code is not instrumented, so the copy
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

#define SPACE (TREE_MAX + 0x1000)

/* Numbers that the zone's file can name. */
enum {
        TREE_FD = 200,
        KERNEL_FD,
        INITRD_FD,
};

static const char zone_text[] = "[Zone]\nId=1\nCPUs=2-3\nKernel=/proc/self/fd/201\nKernelAddress=0x50400000\n"
                                "EntryPoint=0x50400000\nDeviceTree=/proc/self/fd/200\n"
                                "Initrd=/proc/self/fd/202\nInterrupts=40\n%s\n"
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

static struct zone_spec *as_it_is, *to_be_fixed;

static struct zone_spec *parse(const char *key) {
        struct diagnostics d = {};
        struct zone_spec *z = NULL;
        char text[sizeof(zone_text) + 32];

        (void) snprintf(text, sizeof(text), zone_text, key);
        CLAIM(zone_spec_parse("linux2", "linux2.conf", text, strlen(text), &d, &z) == 0);
        return z;
}

static void open_as(int number, const char *content, size_t size) {
        int fd = memfd_create("file", MFD_CLOEXEC);

        CLAIM(fd >= 0 && dup2(fd, number) == number);
        CLAIM(pwrite(number, content, size, 0) == (ssize_t) size);
        close(fd);
}

static void set_up_once(void) {
        if (as_it_is)
                return;
        as_it_is = parse("InitrdAddress=0x53000000");
        to_be_fixed = parse("DeviceTreeFix=yes");
        guard.space = mmap(NULL, SPACE + 0x1000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CLAIM(guard.space != MAP_FAILED && mprotect(guard.space + SPACE, 0x1000, PROT_NONE) == 0);
        open_as(TREE_FD, "", 0);
        open_as(KERNEL_FD, "bare metal", 10);
        open_as(INITRD_FD, "initrd", 6);
}

static void put_tree(const void *data, size_t size) {
        CLAIM(ftruncate(TREE_FD, 0) == 0 && pwrite(TREE_FD, data, size, 0) == (ssize_t) size);
        guard.size = size;
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

static void claim_printable(const struct diagnostics *d) {
        for (size_t i = 0; i < d->count; i++)
                for (const char *p = d->items[i].message; *p; p++)
                        CLAIM((unsigned char) *p >= 0x20 && *p != 0x7f);
}

static void claim_compared(void) {
        _cleanup_(diagnostics_clear) struct diagnostics d = {};
        int r = boot_check(as_it_is, NULL, true, &d, NULL);

        CLAIM(r == (d.errors > 0 ? -EBADMSG : 0));
        claim_printable(&d);
}

/* A node's name may be anything, but stands at no message's end. */
static bool ends_with(const char *text, const char *end) {
        size_t size = strlen(text), n = strlen(end);

        return size >= n && memcmp(text + size - n, end, n) == 0;
}

/* What was wrong with memory and devices is mended, and nobody is told of it. */
static void claim_nothing_left(const struct diagnostics *d) {
        static const char *const sections[] = { "[Memory ram]", "[Block root]", "[Net lan]", "[Console main]" };

        for (size_t i = 0; i < d->count; i++) {
                CLAIM(!ends_with(d->items[i].message, "where the zone has none: using it is an error of the zone"));
                CLAIM(!ends_with(d->items[i].message,
                                 "where the zone has none: looking for it is an error of the zone"));
                for (size_t n = 0; n < ELEMENTSOF(sections); n++)
                        CLAIM(strncmp(d->items[i].message, sections[n], strlen(sections[n])) != 0);
        }
}

/* Return: the guest's tree, free(); NULL: it cannot be fixed, and that was said. */
static void *fix(size_t *ret_size) {
        _cleanup_(diagnostics_clear) struct diagnostics d = {};
        _cleanup_(boot_close) struct boot b = BOOT_NONE;
        const struct boot_file *tree = &b.parts[BOOT_DEVICE_TREE];
        int r = boot_prepare(to_be_fixed, NULL, &d, &b);
        void *copy;

        CLAIM(r == (d.errors > 0 ? -EBADMSG : 0));
        claim_printable(&d);
        if (r < 0)
                return NULL;
        claim_nothing_left(&d);
        *ret_size = tree->size;
        copy = malloc(tree->size);
        CLAIM(copy && pread(tree->fd, copy, tree->size, 0) == (ssize_t) tree->size);
        return copy;
}

/* Once is enough: what was fixed stays as it is. */
static void claim_fixed(void) {
        _cleanup_free_ void *once = NULL, *twice = NULL;
        size_t size, size_again;

        once = fix(&size);
        if (!once)
                return;
        put_tree(once, size);
        twice = fix(&size_again);
        CLAIM(twice && size == size_again && memcmp(once, twice, size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        unsigned before;

        set_up_once();
        before = count_fds();
        put_tree(data, size);
        claim_facts(size);
        claim_compared();
        claim_fixed();
        guard.size = 0;
        CLAIM(!guard.tree && count_fds() == before);
        return 0;
}
