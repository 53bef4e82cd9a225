"""The hash table of packed states: which values were seen before, and which of them came first."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from specproof.table import Table

#: Few different values, and values that only their highest bits tell apart, so that many want one slot.
VALUES = st.lists(st.one_of(st.integers(0, 12), st.integers(0, 2**64 - 1), st.integers(0, 40).map(lambda n: n << 58)), max_size=120)


@given(st.lists(VALUES, max_size=6))
def test_a_table_numbers_values_as_a_dictionary_does(batches: list[list[int]]) -> None:
    """What is new is told by where it stands first, in this order, and is found under its number ever after."""
    table, known = Table(2), dict[int, int]()
    for batch in batches:
        batch = [value % 2**64 for value in batch]
        values = np.array(batch, dtype=np.uint64)
        new = [value for value in dict.fromkeys(batch) if value not in known]

        assert table.add(values).tolist() == [batch.index(value) for value in new]

        known |= {value: number for number, value in enumerate(new, len(known))}
        assert len(table) == len(known)
        assert table.find(values).tolist() == [known[value] for value in batch]
        others = np.array([value ^ 1 for value in known], dtype=np.uint64)
        assert table.find(others).tolist() == [known.get(value ^ 1, -1) for value in known]
