/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "check/check.h"

static void closep(FILE **f) {
        if (*f)
                fclose(*f);
}

/* "40000000-9fffffff : System RAM", not indented: what lies inside belongs to it. */
static bool system_ram_line(const char *line, struct range *ret) {
        uint64_t first, last;
        int used = 0;

        if (line[0] == ' ' || sscanf(line, "%" SCNx64 "-%" SCNx64 " : System RAM%n", &first, &last, &used) != 2 ||
            used == 0 || line[used] != '\n' || last < first || (first == 0 && last == UINT64_MAX))
                return false;
        *ret = (struct range){ first, last - first + 1 };
        return true;
}

static int read_iomem(const char *path, struct root_facts *facts, struct err *e) {
        _cleanup_(closep) FILE *f = fopen(path, "re");
        struct range ram;
        char line[256];

        if (!f)
                return err_set(e, -errno, "%s cannot be read: %s", path, strerror(errno));
        while (fgets(line, sizeof(line), f)) {
                if (!system_ram_line(line, &ram))
                        continue;
                if (facts->num_system_ram == ELEMENTSOF(facts->system_ram))
                        return err_set(e, -E2BIG, "%s lists more than %zu pieces of System RAM", path,
                                       ELEMENTSOF(facts->system_ram));
                facts->system_ram[facts->num_system_ram++] = ram;
                /* To whom it does not want to tell, the kernel says 00000000-00000000. */
                facts->known |= ram.base != 0 || ram.size != 1;
        }
        return ferror(f) ? err_set(e, -EIO, "%s cannot be read", path) : 0;
}

/* " 21:  345  0  GICv3  64 Edge  hvisor": the controller's own number; Linux' one, in front, means nothing here. */
static bool interrupt_line(const char *line, uint32_t *ret) {
        const char *gic = strstr(line, " GIC");

        return gic && sscanf(gic, " GIC%*s %" SCNu32, ret) == 1 && *ret >= 32 && *ret < INTERRUPTS_MAX;
}

static int read_interrupts(const char *path, struct root_facts *facts, struct err *e) {
        _cleanup_(closep) FILE *f = fopen(path, "re");
        _cleanup_free_ char *line = NULL; /* as long as the machine has CPUs */
        size_t size = 0;
        uint32_t i;

        if (!f)
                return err_set(e, -errno, "%s cannot be read: %s", path, strerror(errno));
        while (getline(&line, &size, f) >= 0)
                if (interrupt_line(line, &i))
                        facts->interrupts[i / 32] |= BIT(i % 32);
        return ferror(f) ? err_set(e, -EIO, "%s cannot be read", path) : 0;
}

int root_facts_read_from(const char *iomem, const char *interrupts, struct root_facts *ret, struct err *e) {
        struct root_facts facts = {};
        int r = read_iomem(iomem, &facts, e);

        if (r >= 0)
                r = read_interrupts(interrupts, &facts, e);
        if (r < 0)
                return r;
        if (!facts.known)
                facts = (struct root_facts){};
        *ret = facts;
        return 0;
}

int root_facts_read(struct root_facts *ret, struct err *e) {
        return root_facts_read_from("/proc/iomem", "/proc/interrupts", ret, e);
}
