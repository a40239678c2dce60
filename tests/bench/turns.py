# SPDX-License-Identifier: GPL-2.0-or-later
"""
The sides take turns, so that whatever else this machine is busy with is the same for each: one goes to its next yield while the
boards of the others stand still.
"""

import collections

from sides import Cannot


def take(name, measure, sides, report):
    """@measure: of (side, report): a function or, if others may have a turn between its values, a generator. All boards stand still."""
    waiting = collections.deque((side, _steps(measure, side, report.of(side.name))) for side in sides)
    while waiting:
        side, steps = waiting.popleft()
        side.root.resume()
        try:
            next(steps)
            waiting.append((side, steps))
        except StopIteration:
            pass
        except Cannot as reason:
            report.leave_out(side.name, name, str(reason))
        finally:
            side.root.pause()


def _steps(measure, side, report):
    """Nothing of it is done before the first step."""
    yield from measure(side, report) or ()
