#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
validate.py DIRECTORY: holds each KIND-good-*.json and KIND-bad-*.json there to KIND.schema.json. Prints those that are
judged otherwise than their names say, then how many were looked at.
"""

import json
import pathlib
import sys

import jsonschema


def main(directory):
    wrong, count = [], 0
    for schema_file in sorted(directory.glob("*.schema.json")):
        schema = json.loads(schema_file.read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema)
        kind = schema_file.name.split(".")[0]
        for file in sorted(directory.glob(f"{kind}-*.json")):
            errors = [error.message for error in validator.iter_errors(json.loads(file.read_text()))]
            count += 1
            if bool(errors) != file.name.startswith(f"{kind}-bad-"):
                wrong.append(f"{file.name}: {errors or 'no error'}")
    print("\n".join(wrong + [f"{count} looked at"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
