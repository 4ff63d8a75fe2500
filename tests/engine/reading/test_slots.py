"""Slots of memory outside the heap: one owner at a time, used again, never beyond the bound."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage_triplets.engine.reading.slots import Slots

SIZES = (8, 96, 4096)
U1 = np.dtype("u1")


@given(
    limit=st.sampled_from([0, 100, 5000, 200_000]),
    steps=st.lists(st.tuples(st.sampled_from([*SIZES, None]), st.integers(0, 99)), max_size=80),
)
@settings(max_examples=80, deadline=None)
def test_what_is_taken_stays_what_was_written(limit, steps):
    slots = Slots(limit)
    taken = []
    for number, (size, which) in enumerate(steps):
        if size is None:
            if taken:
                slot, pixels, value = taken.pop(which % len(taken))
                assert (pixels == value).all()
                slots.give_back(slot)
        elif (slot := slots.take(size)) is not None:
            pixels = slot.array((size,), U1)
            pixels[:] = number
            taken.append((slot, pixels, number))
        held = sum(pixels.nbytes for _, pixels, _ in taken)
        assert held <= slots.n_bytes <= limit
    assert all((pixels == value).all() for _, pixels, value in taken)


def test_a_slot_that_was_given_back_is_taken_again():
    slots = Slots(10 * 4096)
    taken = [slots.take(4096) for _ in range(10)]
    assert slots.take(4096) is None
    n_bytes = slots.n_bytes
    slots.give_back(taken[3])
    assert slots.take(4096) is not None
    assert slots.n_bytes == n_bytes


def test_memory_of_one_size_becomes_that_of_another_once_it_is_free():
    slots = Slots(64 * 4096)
    taken = [slots.take(4096) for _ in range(64)]
    assert slots.take(32 * 4096) is None
    for slot in taken:
        slots.give_back(slot)
    assert slots.take(32 * 4096) is not None
    assert slots.n_bytes <= 64 * 4096


def test_slots_hold_arrays_of_any_shape_up_to_their_size():
    slot = Slots(10_000).take(96)
    array = slot.array((2, 3, 5), np.dtype("u2"))
    array[...] = 7
    assert array.shape == (2, 3, 5)
    assert slot.array((48,), np.dtype("u2"))[:30].tolist() == [7] * 30
