/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/json.h"

const char *json_text(const json_t *object, const char *key) {
        const char *s = json_string_value(json_object_get(object, key));

        return s ? s : "";
}

json_int_t json_number(const json_t *object, const char *key) {
        return json_integer_value(json_object_get(object, key));
}
