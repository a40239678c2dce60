/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "config/check.h"

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

int root_facts_read_from(const char *path, struct root_facts *ret, struct err *e) {
        _cleanup_(closep) FILE *f = fopen(path, "re");
        struct root_facts facts = {};
        struct range ram;
        char line[256];

        if (!f)
                return err_set(e, -errno, "%s cannot be read: %s", path, strerror(errno));
        while (fgets(line, sizeof(line), f)) {
                if (!system_ram_line(line, &ram))
                        continue;
                if (facts.num_system_ram == ELEMENTSOF(facts.system_ram))
                        return err_set(e, -E2BIG, "%s lists more than %zu pieces of System RAM", path,
                                       ELEMENTSOF(facts.system_ram));
                facts.system_ram[facts.num_system_ram++] = ram;
                /* To whom it does not want to tell, the kernel says 00000000-00000000. */
                facts.known |= ram.base != 0 || ram.size != 1;
        }
        if (ferror(f))
                return err_set(e, -EIO, "%s cannot be read", path);
        if (!facts.known)
                facts = (struct root_facts){};
        *ret = facts;
        return 0;
}

int root_facts_read(struct root_facts *ret, struct err *e) {
        return root_facts_read_from("/proc/iomem", ret, e);
}
