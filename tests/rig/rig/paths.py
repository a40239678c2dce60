# SPDX-License-Identifier: GPL-2.0-or-later
"""Where things are, and how what is derived from them is keyed."""

import hashlib
import pathlib

TOP = pathlib.Path(__file__).resolve().parents[3]
TESTS = TOP / "tests"
RIG = TESTS / "rig"

CACHE = TOP / ".cache"                  # downloads and what is made from them; survives `make clean`
KERNEL = CACHE / "kernel"
DEBIAN_ROOT = CACHE / "debian-root"
BASE_CPIO = CACHE / "root.cpio"
SNAPSHOTS = CACHE / "snapshots"

BUILD = TOP / "build" / "rig"           # what our own sources make
FAILED = BUILD / "failed"
UNIT = TOP / "build" / "unit"
FUZZ = TOP / "build" / "fuzz"


def hash_of(*parts):
    """One short hash over strings and the contents of files and trees (paths)."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, pathlib.Path):
            for path in sorted(part.rglob("*")) if part.is_dir() else [part]:
                total.update(_hash_entry(path, part))
        else:
            total.update(b"s" + str(part).encode() + b"\0")
    return total.hexdigest()[:20]


def _hash_entry(path, base):
    name = str(path.relative_to(base) if path != base else path.name)
    if path.is_symlink():
        return f"l{name}\0{path.readlink()}\0".encode()
    if path.is_file():
        mode = path.stat().st_mode & 0o111
        return f"f{name}\0{mode}\0".encode() + hashlib.sha256(path.read_bytes()).digest()
    return f"d{name}\0".encode()


def write_if_stale(target, key, make):
    """Calls make(target) unless target exists with this key; the key is kept beside it."""
    stamp = target.with_name(target.name + ".key")
    if target.exists() and stamp.exists() and stamp.read_text() == key:
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    make(target)
    stamp.write_text(key)
    return True
