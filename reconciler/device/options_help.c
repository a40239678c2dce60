/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "device/options.h"

/* What is different there; [--name=value]: that is its value where it is left out. */
static void help_with_vhost_user(const struct device_option *o) {
        const char *before = "\n             with --vhost-user: ";

        for (; o->kind != DEVICE_OPTION_END; o++) {
                if (!o->by_name && !o->assumed && !o->zones_only)
                        continue;
                printf("%s", before);
                before = ", ";
                if (o->zones_only && !device_option_may_be_left_out(o->kind))
                        printf("not at all");
                else if (o->by_name)
                        printf("--%s=NAME or --%s=N", o->by_name, o->name);
                else if (o->assumed)
                        printf("[--%s=%s]", o->name, o->assumed);
                else
                        printf("no --%s", o->name);
        }
}

void worker_options_help(void) {
        static const char *const formats[] = {
                [DEVICE_OPTION_FD] = " --%s=N",      [DEVICE_OPTION_MAY_FD] = " [--%s=N]",
                [DEVICE_OPTION_FDS] = " --%s=N,N…",  [DEVICE_OPTION_MAY_FDS] = " [--%s=N,N…]",
                [DEVICE_OPTION_NUMBER] = " --%s=N",  [DEVICE_OPTION_FLAG] = " [--%s]",
                [DEVICE_OPTION_TEXT] = " --%s=TEXT",
        };

        printf("device TYPE --zone=NAME --device=NAME --cookie=HEX --device-fd=N [--uid=N] [--log-fd=N] OPTION…\n"
               "device TYPE --vhost-user=SOCKET [--zone=NAME] [--device=NAME] [--uid=N] OPTION…\n\n"
               "Serves one virtio device. The first form is for zones: hvisor-reconciler starts it and hands\n"
               "over every descriptor that it uses. The second is for any vhost-user front-end, QEMU for one:\n"
               "it listens on SOCKET and serves who connects, one after the other, until SIGTERM. Started as\n"
               "root it becomes user N, %u where none is given.\n\n"
               "TYPE and what it takes besides:\n",
               WORKER_UID_NOBODY);
        for (const struct device_type *const *t = device_types; *t; t++) {
                printf((*t)->options->kind == DEVICE_OPTION_END ? "  %s" : "  %-10s", (*t)->name);
                for (const struct device_option *o = (*t)->options; o->kind != DEVICE_OPTION_END; o++)
                        printf(formats[o->kind], o->name);
                help_with_vhost_user((*t)->options);
                printf("\n");
        }
        printf("\n  --help, --version\n");
}
