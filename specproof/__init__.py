"""specproof: unbounded proofs and shortest counterexamples for designs that mask a guest's registers.

A model file and a file of claims need these names and no others.
"""

from specproof.claims import Claim, invariant, lemma, reachable, relation, step
from specproof.design import Design
from specproof.errors import InputError, ModelError, SpecproofError, UsageError
from specproof.history import Broken, Bug, Omitted, Repair
from specproof.observable import Observable
from specproof.state import Bits, State, field, frozen, ghost, observed, part, select
from specproof.terms import U8, U16, U32, U64, Bool, Word, conj, disj, implies, ite, word

__version__ = "0.1.0"

__all__ = [
    "U8", "U16", "U32", "U64", "Bits", "Bool", "Broken", "Bug", "Claim", "Design", "InputError", "ModelError", "Observable", "Omitted",
    "Repair", "SpecproofError", "State", "UsageError", "Word", "conj", "disj", "field", "frozen", "ghost", "implies", "invariant", "ite",
    "lemma", "observed", "part", "reachable", "relation", "select", "step", "word",
]  # fmt: skip
