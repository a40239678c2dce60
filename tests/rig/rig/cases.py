# SPDX-License-Identifier: GPL-2.0-or-later
"""
How a case is written:

    @case("boot-by-rename")
    def boot_by_rename(vm):
        vm.write("/root/x", ...)
        assert vm.status()["zones"] ...

Each case gets a machine of its own, root Linux up and the product's units started. What a case asserts is a plain assert;
waiting and running commands fails by itself, see vm.VM.
"""

import dataclasses
import importlib
import sys
from typing import Callable, Optional

from . import paths

_registered = []


@dataclasses.dataclass
class Case:
    name: str
    run: Callable
    machine: str                        # a key of machine.MACHINES
    fresh: bool                         # boot instead of resuming
    monitor_only: Optional[str]         # why a real hypervisor cannot show it
    disaster_wanted: bool               # the case is about a panic


def case(name, machine="board", fresh=False, monitor_only=None, disaster_wanted=False):
    """Registers a function of one argument, the VM, as a case."""
    def register(function):
        if any(c.name == name for c in _registered):
            raise ValueError(f"two cases are called {name}")
        _registered.append(Case(name, function, machine, fresh, monitor_only, disaster_wanted))
        return function
    return register


def load():
    """Imports tests/cases/*.py. Return: all cases, by file and then as written."""
    sys.path.insert(0, str(paths.TESTS / "cases"))
    for path in sorted((paths.TESTS / "cases").glob("*.py")):
        importlib.import_module(path.stem)
    return list(_registered)
