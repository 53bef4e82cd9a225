"""Runs on integers: what was replayed before may be used, and nothing may come out of it that would not come out without."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest

from specproof.claims import Property
from specproof.errors import InputError
from specproof.system import System, build
from specproof.terms import FALSE, TRUE
from specproof.trace import Trace, fails, initial_state, replay, take, violates
from tests.designs import autoload, generation, thin

SYSTEMS = [build(design) for design in (thin.thin, autoload.autoload, generation.vm)]

Steps = list[tuple[str, Mapping[str, int]]]


def _value(source: random.Random, width: int) -> int:
    return source.choice((0, 1, (1 << max(width, 1)) - 1, source.getrandbits(max(width, 1)))) if width else source.randrange(2)


def _start(system: System, source: random.Random) -> dict[str, int]:
    """An initial state, by trying."""
    while True:
        values = {path: source.choice((0, 0, _value(source, term.width))) for path, term in system.variables.items()}
        try:
            initial_state(system, values)
        except InputError:
            continue
        return values


def _run(system: System, source: random.Random) -> tuple[dict[str, int], Steps]:
    """A run of some length, with every step enabled."""
    initial = _start(system, source)
    state, steps = initial_state(system, initial), []
    for _ in range(40):
        name = source.choice(sorted(system.actions))
        inputs = {key: _value(source, term.width) for key, term in system.actions[name].inputs.items()}
        after = take(system, state, name, inputs)
        if after is not None:
            steps.append((name, {key: value for key, value in inputs.items() if value or source.random() < 0.5}))
            state = after
        if len(steps) == 8:
            break
    return initial, steps


def _changed(system: System, source: random.Random, initial: dict[str, int], steps: Steps) -> tuple[dict[str, int], Steps]:
    """The same run but for something: it need not be one any more."""
    initial, steps = dict(initial), list(steps)
    for _ in range(source.randrange(3)):
        what, at = source.randrange(5), source.randrange(len(steps)) if steps else 0
        if what == 0:
            path = source.choice(sorted(system.variables))
            initial[path] = _value(source, system.variables[path].width)
            if source.random() < 0.3:
                del initial[path]
        elif what == 1 and steps:
            name, inputs = steps[at]
            known = system.actions[name].inputs
            steps[at] = name, {**inputs, **{key: _value(source, term.width) for key, term in known.items() if source.random() < 0.5}}
        elif what == 2 and steps:
            name = source.choice(sorted(system.actions))
            steps[at] = name, {key: value for key, value in steps[at][1].items() if key in system.actions[name].inputs}
        elif what == 3 and steps:
            del steps[at]
        else:
            name = source.choice(sorted(system.actions))
            steps.insert(at, (name, {}))
    return initial, steps


@pytest.mark.parametrize("system", SYSTEMS, ids=[system.design for system in SYSTEMS])
@pytest.mark.parametrize("seed", range(4))
def test_a_run_that_is_known_changes_nothing(system: System, seed: int) -> None:
    """Runs that have a beginning in common with one that was replayed before: the same result as from nothing, and the same where there is none."""
    source, seen = random.Random(seed), {"a run": 0, "none": 0}
    for _ in range(60):
        initial, steps = _run(system, source)
        known = replay(system, "claim", initial, steps)
        assert known is not None
        for _ in range(6):
            other = _changed(system, source, initial, steps)
            fresh = replay(system, "claim", *other)
            assert replay(system, "claim", *other, known) == fresh, other
            seen["none" if fresh is None else "a run"] += 1
    assert min(seen.values()) > 20


def test_what_is_not_given_is_0() -> None:
    """Fields of the initial state, and inputs."""
    system = SYSTEMS[0]
    run = replay(system, "claim", {}, [("set_mask", {})])
    assert run is not None and run == replay(system, "claim", dict.fromkeys(system.variables, 0), [("set_mask", {"mask": 0})])
    assert run.steps[0].inputs == {"mask": 0}
    assert (run.design, run.configuration, run.claim, run.steps[0].by) == (system.design, "", "claim", system.actions["set_mask"].by)
    assert (run.steps[0].source, run.steps[0].doc) == (system.actions["set_mask"].source, system.actions["set_mask"].doc)


def test_what_no_run_has_is_said() -> None:
    """An action, an input, a state in which no run starts."""
    system = SYSTEMS[0]
    state = initial_state(system, {})
    with pytest.raises(InputError, match=r"^thin has no action 'set_masc'; did you mean 'set_mask'\?$"):
        take(system, state, "set_masc", {})
    with pytest.raises(InputError, match=r"^set_mask has no input 'masc'; did you mean 'mask'\?$"):
        take(system, state, "set_mask", {"masc": 1})
    with pytest.raises(InputError, match=r"^thin: no run starts in that state$"):
        initial_state(system, {"msr": 1})


def test_a_property_of_steps_is_not_asked_of_their_end() -> None:
    """One with both is asked of the state where there is no step, and of the step where there is one."""
    system = SYSTEMS[0]
    both = Property("claim", FALSE, {"set_mask": TRUE})
    state = initial_state(system, {})

    assert fails(system, both, state, None, state)
    assert not fails(system, both, state, ("set_mask", {"mask": 0}), state)
    run = replay(system, "claim", {}, [("set_mask", {})])
    assert run is not None
    assert not violates(system, both, run)
    assert violates(system, both, Trace(run.design, run.configuration, run.claim, run.initial, ()))
