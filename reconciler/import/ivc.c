/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>

#include "import/import.h"
#include "import/old_json.h"
#include "config/value.h"

static void take_u32(struct old_json *j, const char *field, uint32_t max, uint32_t *ret) {
        uint64_t n;

        if (old_json_number(j, field, max, &n))
                *ret = (uint32_t) n;
}

static void take_ivc(struct old_json *j, struct zone_spec *z) {
        struct ivc_spec *v;

        if (z->num_ivcs == ZONE_IVCS_MAX) {
                old_json_tell(j, SEVERITY_ERROR, NULL, "is one more than the %d that a zone may have", ZONE_IVCS_MAX);
                return;
        }
        v = &z->ivcs[z->num_ivcs];
        section_defaults(SECTION_IVC, v);
        (void) snprintf(v->name, sizeof(v->name), "ivc%zu", z->num_ivcs++);
        take_u32(j, "ivc_id", UINT32_MAX, &v->id);
        take_u32(j, "peer_id", UINT32_MAX, &v->peer);
        take_u32(j, "max_peers", UINT32_MAX, &v->max_peers);
        take_u32(j, "interrupt_num", INTERRUPTS_MAX - 1, &v->interrupt);
        (void) old_json_number(j, "control_table_ipa", UINT64_MAX, &v->control_table);
        (void) old_json_number(j, "shared_mem_ipa", UINT64_MAX, &v->shared_memory);
        (void) old_json_number(j, "rw_sec_size", UINT32_MAX, &v->read_write_size);
        (void) old_json_number(j, "out_sec_size", UINT32_MAX, &v->output_size);
        /* It is listed with those that are passed through, too. */
        z->interrupts[v->interrupt / 32] &= ~(UINT32_C(1) << v->interrupt % 32);
        old_json_tell(j, SEVERITY_WARNING, "max_peers",
                      "is %" PRIu32 ": once so many zones have joined, none of them can be restarted; make it one more "
                      "than there are, in all of them",
                      v->max_peers);
}

void import_ivcs(struct old_json *j, struct zone_spec *z) {
        json_t *list = old_json_list(j, "ivc_configs"), *value;
        struct old_json ivc;
        size_t n;

        json_array_foreach(list, n, value) if (old_json_item(j, "ivc_configs", (int) n, value, &ivc)) {
                take_ivc(&ivc, z);
                old_json_rest(&ivc);
        }
        json_decref(list);
}
