"""Bounds on the share of wrong pairs: exact where it is known, and true often enough."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from lineage_triplets.engine.errors import ConfigError
from lineage_triplets.qc import allowed_wrong, more_needed, upper_bound
from lineage_triplets.qc.audit.answers import JUDGEMENTS, counts_of
from lineage_triplets.qc.audit.bound import LIMITS, upper_bounds
from lineage_triplets.qc.record.decision import Decision, Target

samples = st.integers(1, 400).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))


def test_what_is_known_without_a_wrong_pair():
    assert [more_needed(0, 0, limit) for limit in LIMITS] == [59, 149, 299]
    for n, limit in zip((59, 149, 299), LIMITS, strict=True):
        assert upper_bound(n, 0) == pytest.approx(1 - 0.05 ** (1 / n), rel=1e-12)
        assert upper_bound(n, 0) <= limit < upper_bound(n - 1, 0)
    assert upper_bound(0, 0) == 1.0
    assert upper_bound(20, 20) == 1.0
    assert upper_bound(124, 2) == pytest.approx(0.0499, abs=1e-4)


@given(samples)
def test_at_the_bound_so_few_wrong_ones_have_a_chance_of_one_in_twenty(sample):
    n, wrong = sample
    bound = upper_bound(n, wrong)
    if wrong < n:
        assert binom.cdf(wrong, n, bound) == pytest.approx(0.05, abs=1e-9)
    assert wrong / n <= bound <= 1


@given(samples)
def test_a_wrong_pair_raises_the_bound_and_a_right_one_lowers_it(sample):
    n, wrong = sample
    assert upper_bound(n + 1, wrong + 1) >= upper_bound(n, wrong) >= upper_bound(n + 1, wrong)


@given(samples, st.sampled_from(LIMITS))
def test_so_many_more_are_needed_and_not_one_less(sample, limit):
    n, wrong = sample
    more = more_needed(n, wrong, limit)
    assert upper_bound(n + more, wrong) <= limit
    assert more == 0 or upper_bound(n + more - 1, wrong) > limit


@given(st.integers(1, 400), st.sampled_from(LIMITS))
def test_so_many_may_be_wrong_and_not_one_more(n, limit):
    wrong = allowed_wrong(n, limit)
    assert wrong < 0 or upper_bound(n, wrong) <= limit
    assert upper_bound(n, wrong + 1) > limit


def test_59_allow_none_93_one_and_124_two():
    assert [allowed_wrong(n, 0.05) for n in (58, 59, 92, 93, 123, 124)] == [-1, 0, 0, 1, 1, 2]


def test_what_cannot_be_is_refused():
    with pytest.raises(ConfigError, match="3 of 2 pairs"):
        upper_bound(2, 3)
    with pytest.raises(ConfigError, match="share of 0 is asked for"):
        more_needed(1, 0, 0)


@pytest.mark.parametrize("rate", [0.005, 0.01, 0.02, 0.05, 0.1])
@pytest.mark.parametrize("cannot_tell", [0.0, 0.05, 0.2])
@pytest.mark.parametrize("n", [59, 149, 299])
def test_the_bound_holds_in_95_of_100_audits(rate, cannot_tell, n):
    """Of 2,000 audits, the pairs that nobody can tell being wrong as often as the others."""
    rng = np.random.default_rng([int(1000 * rate), int(100 * cannot_tell), n])
    is_wrong = rng.random((2000, n)) < rate
    is_unclear = rng.random((2000, n)) < cannot_tell
    not_right = np.count_nonzero(is_wrong | is_unclear, axis=1)
    bounds = upper_bounds(np.full(2000, n), not_right)
    # Exactly 95 % is the least that is promised; 2,000 audits show it within three errors.
    error = np.sqrt(0.95 * 0.05 / 2000)
    assert np.mean(bounds >= rate) >= 0.95 - (3 * error if cannot_tell == 0 else 0)
    expected = binom.sf(binom.ppf(0.05, n, rate) - 1, n, rate)
    assert expected >= 0.95


def answer(number: int, verdict: str, by: str = "ada", times: int = 1) -> Decision:
    value = {"number": number, "verdict": verdict, "times": times, "queue": "sample"}
    return Decision(
        "audit", Target("experiment", "one"), value, number=1, group=1, by=by, at=f"T{number}"
    )


def test_of_one_person_the_last_answer_counts_and_of_two_the_worse():
    counts = counts_of(
        4,
        [
            answer(1, "wrong"),
            answer(1, "same"),
            answer(2, "same"),
            answer(2, "cannot tell", by="bob"),
            answer(3, "wrong", by="bob"),
            answer(3, "cannot tell"),
        ],
    )
    assert counts.verdicts == {1: "same", 2: "cannot tell", 3: "wrong"}
    assert (counts.judged, counts.wrong, counts.cannot_tell) == (3, 1, 1)
    assert counts.disagreements == (2, 3)
    assert (counts.changed, counts.by, counts.is_finished) == (1, ("ada", "bob"), False)
    assert counts.bound == upper_bound(3, 2)


def test_a_pair_drawn_twice_is_judged_once_and_counts_twice():
    counts = counts_of(3, [answer(1, "same", times=2), answer(3, "wrong")])
    assert (counts.judged, counts.wrong, counts.is_finished) == (3, 1, True)


people = st.sampled_from(["ada", "bob", "eve"])
said = st.lists(st.tuples(st.integers(1, 6), st.sampled_from(JUDGEMENTS), people), max_size=40)


@given(said)
def test_counts_are_what_each_person_said_last_and_the_worst_of_them(answers):
    counts = counts_of(6, [answer(number, verdict, by) for number, verdict, by in answers])
    last = {(number, by): verdict for number, verdict, by in answers}
    worst = ["same", "cannot tell", "wrong"]
    expected = {
        number: max((last[key] for key in last if key[0] == number), key=worst.index)
        for number in {number for number, _, _ in answers}
    }
    assert dict(counts.verdicts) == expected
    assert counts.judged == len(expected)
    assert counts.wrong == list(expected.values()).count("wrong")
    assert counts.cannot_tell == list(expected.values()).count("cannot tell")
    assert counts.is_finished == (len(expected) == 6)


@given(said, st.permutations(["ada", "bob", "eve"]))
def test_it_does_not_matter_who_judged_first(answers, order):
    sorted_by_person = sorted(answers, key=lambda said: order.index(said[2]))
    one, other = (
        counts_of(6, [answer(number, verdict, by) for number, verdict, by in listed])
        for listed in (answers, sorted_by_person)
    )
    assert (one.verdicts, one.disagreements, one.changed) == (
        other.verdicts,
        other.disagreements,
        other.changed,
    )
