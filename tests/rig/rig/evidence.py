# SPDX-License-Identifier: GPL-2.0-or-later
"""What a failed case leaves behind: each piece as a file, and the last lines of it on the terminal."""

import shutil

from . import paths

LAST_LINES = 15
ONLY_IN_FILES = {"processes", "journal"}


def collect(vm, case_name, message):
    """Saves what @vm can still tell (it may be None) under build/rig/failed/. Return: text for the terminal."""
    folder = paths.FAILED / case_name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    pieces = {"failure": message}
    if vm:
        pieces["root-console"] = vm.serial()
        if vm.running() and not vm.disaster():
            pieces.update(_ask(vm))
    shown = [message]
    for name, text in pieces.items():
        (folder / f"{name}.log").write_text(text)
        lines = text.strip().splitlines()
        if lines and name != "failure" and name not in ONLY_IN_FILES:
            shown += [f"--- {name}" + (f" (the last {LAST_LINES} lines)" if len(lines) > LAST_LINES else "")]
            shown += lines[-LAST_LINES:]
    return "\n".join(shown + [f"--- all of it: {folder.relative_to(paths.TOP)}/"])


def _ask(vm):
    """Whatever of it fails is told in its place: the case's own failure must not be hidden by a second one."""
    questions = {
        "status": lambda: vm.run("! command -v hvisor >/dev/null || hvisor status", timeout=20, check=False),
        "journal-reconciler": lambda: vm.run(
            "journalctl -q --no-pager -o short-monotonic -u hvisor-reconciler", timeout=20, check=False),
        "failed-units": lambda: vm.run("systemctl --no-pager --no-legend --plain --failed", timeout=20, check=False),
        "dmesg": lambda: vm.run("dmesg", timeout=20, check=False),
        "processes": lambda: vm.run("ps -eo pid,ppid,stat,comm,args", timeout=20, check=False),
        "journal": lambda: vm.run("journalctl -q --no-pager -b -o short-monotonic", timeout=20, check=False),
    }
    answers = {}
    for zone, console in vm.consoles().items():
        answers[f"console-{zone}"] = _try(console.text)
    for name, question in questions.items():
        answers[name] = _try(lambda: "{0.out}{0.err}".format(question()))
    return answers


def _try(question):
    try:
        return question()
    except Exception as error:
        return f"(not to be had: {error})"
