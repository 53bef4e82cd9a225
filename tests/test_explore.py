"""What an exploration leaves out because nobody asks for it, and that nothing is missed by that."""

from __future__ import annotations

import numpy as np
import pytest

from specproof.cone import narrow
from specproof.decision import ask
from specproof.explore import explore
from specproof.image import explored
from specproof.load import library
from specproof.program import Program
from specproof.slice import Slice
from specproof.system import build

CASES = [("kvm-reference", "virtualized"), ("kvm-rfc-v2", "emulated"), ("xen-vmx", "load-lists"), ("cr4", "")]


@pytest.mark.parametrize(("name", "configuration"), CASES)
def test_an_action_fires_where_its_whole_program_says_so(name: str, configuration: str) -> None:
    """States that do not have what a guard demands are not looked up; of all of them the program is asked here."""
    known = library()
    system = build(known.design(name), configuration)
    properties = list(ask(system, [claim for claim in known.claims.values() if claim.kind in ("invariant", "step")])[1].values())
    slice_ = Slice(narrow(system, properties), properties)
    reached = explore(slice_)
    demanding = 0

    for image in explored(slice_, reached.entailed):
        compiled, found = image.move.compiled, []
        for part in compiled.blocks(len(reached.states)):
            found.append(compiled.steps(slice_.layout, reached.states[part], image.entailed).show())
        fires = np.concatenate(found)
        assert (image.fires(reached.states) == fires).all()
        assert reached.fires[image.move.action.name].numbers().tolist() == fires.nonzero()[0].tolist()
        demanding += bool(image.demands[0])
    assert demanding > len(slice_.moves) // 2


def test_what_a_node_demands() -> None:
    """The literals of a conjunction, also where it is written as what is not a disjunction; of anything else nothing."""
    program = Program()
    a, b, c, d = (program.add("load", (name,)) for name in "abcd")
    no_b = program.add("not", b)
    neither = program.add("not", program.add("or", c, program.add("not", d)))
    both = program.add("and", program.add("and", a, no_b), neither)

    assert program.demands(both) == {("a",): True, ("b",): False, ("c",): False, ("d",): True}
    assert program.demands(program.add("or", a, b)) == {}
    assert program.demands(program.add("not", program.add("and", a, b))) == {}
    assert program.demands(program.add("and", a, program.add("xor", b, c))) == {("a",): True}


def test_where_only_states_are_asked_about_no_step_is_made_from_the_last() -> None:
    """What is asked of steps needs them."""
    known = library()
    system = build(known.design("kvm-reference"), "virtualized")
    by_kind = {}
    for claim in ("cache-coherence", "step-non-evasion"):
        prop = ask(system, [known.claims[claim]])[1][claim]
        slice_ = Slice(narrow(system, [prop]), [prop])
        reached = explore(slice_, stop=lambda found: True)
        assert not reached.whole and reached.depth == 0 and reached.states.tolist() == slice_.initial_states().tolist()
        by_kind[bool(prop.steps)] = bool(reached.fires)
    assert by_kind == {False: False, True: True}
