"""Batches made ahead: the loader's, in its order, with its errors, and no more than asked."""

from __future__ import annotations

import copy
import gc
import pickle
import signal
import subprocess
import sys
import threading
import traceback
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, DistributedSampler

from lineage_triplets import (
    ExperimentRegistry,
    MultiExperimentIndex,
    MultiExperimentTripletDataset,
    PrefetchLoader,
)
from lineage_triplets.engine.errors import ConfigError
from stores import track_table
from systems import needs_posix


@pytest.fixture
def two_ranks(monkeypatch):
    """Let this process be the first of two."""
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda *_: 2)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda *_: 0)


@pytest.mark.parametrize("shuffle", [False, True])
def test_ranks_that_would_all_read_the_same_are_refused(two_ranks, shuffle):
    loader = PrefetchLoader(DataLoader(list(range(8)), batch_size=2, shuffle=shuffle))
    with pytest.raises(ConfigError, match=r"one of 2 ranks.*TripletBatchSampler"):
        iter(loader)


def test_a_sampler_that_knows_ranks_gives_each_its_part(two_ranks):
    numbers = list(range(8))
    sampler = DistributedSampler(numbers, shuffle=False)
    loader = PrefetchLoader(DataLoader(numbers, batch_size=2, sampler=sampler))
    assert [batch.tolist() for batch in loader] == [[0, 2], [4, 6]]
    assert list(PrefetchLoader([[1], [2]])) == [[1], [2]]


class Steps:
    """Gives numbers, each when the test lets it; fails at some."""

    def __init__(self, n: int, errors: dict[int, Exception] | None = None, gated: bool = False):
        self.n, self.errors, self.gated = n, errors or {}, gated
        self.let = threading.Semaphore(0)
        self.changed = threading.Condition()
        self.begun = self.done = 0
        self.threads: list[int] = []

    def __len__(self):
        return self.n

    def __iter__(self):
        return _StepIterator(self)

    def wait_for(self, begun: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.begun >= begun, timeout=30)


class _StepIterator:
    def __init__(self, steps):
        self.steps, self.next = steps, 0

    def __iter__(self):
        return self

    def __next__(self):
        if self.next == self.steps.n:
            raise StopIteration
        number, self.next = self.next, self.next + 1
        with self.steps.changed:
            self.steps.begun += 1
            self.steps.threads.append(threading.get_ident())
            self.steps.changed.notify_all()
        if self.steps.gated and number:
            assert self.steps.let.acquire(timeout=30)
        with self.steps.changed:
            self.steps.done += 1
        if number in self.steps.errors:
            raise self.steps.errors[number]
        return number


def prefetch_threads() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name.startswith("lineage-triplets-pref")]


def assert_no_thread_is_left() -> None:
    """Wait for what is garbage, or becomes garbage when the thread is done with a batch."""
    for _ in range(100):
        gc.collect()
        left = prefetch_threads()
        if not left:
            return
        left[0].join(0.1)
    raise AssertionError(f"{left} go on")


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    assert_no_thread_is_left()


@pytest.mark.parametrize("n", [0, 1, 2, 3, 10])
@pytest.mark.parametrize("n_batches", [1, 2, 20])
def test_the_loaders_batches_in_its_order(n, n_batches):
    loader = PrefetchLoader(Steps(n), n_batches)
    assert len(loader) == n
    for _ in range(2):
        iterator = iter(loader)
        assert list(iterator) == list(range(n))
        assert list(iterator) == []
        assert not prefetch_threads()


def test_the_first_batch_is_made_by_the_consumer_the_others_in_one_thread():
    steps = Steps(5)
    list(PrefetchLoader(steps))
    first, *others = steps.threads
    assert first == threading.get_ident()
    assert len(set(others)) == 1
    assert others[0] != first


@pytest.mark.parametrize("n_batches", [1, 3])
def test_not_more_ahead_than_asked_for(n_batches):
    steps = Steps(20)
    iterator = iter(PrefetchLoader(steps, n_batches))
    for taken in range(1, 8):
        assert next(iterator) == taken - 1
        steps.wait_for(taken + n_batches)
        for future in iterator._ahead._pending:
            future.result(30)
        # All that was asked for is done, and nobody has asked for more.
        assert steps.begun == taken + n_batches
    iterator.close()


def test_batches_are_made_while_the_consumer_works():
    steps = Steps(3, gated=True)
    iterator = iter(PrefetchLoader(steps))
    assert next(iterator) == 0
    steps.wait_for(2)
    steps.let.release(2)
    assert list(iterator) == [1, 2]


@pytest.mark.parametrize("bad", [0, 1, 4])
def test_an_error_comes_at_its_batch_and_the_next_one_works(bad):
    loader = PrefetchLoader(Steps(5, {bad: OSError("damaged")}))
    iterator, got = iter(loader), []
    for number in range(5):
        if number == bad:
            with pytest.raises(OSError, match="damaged") as caught:
                next(iterator)
            assert any(one.name == "__next__" for one in caught.traceback)
        else:
            got.append(next(iterator))
    assert got == [number for number in range(5) if number != bad]
    assert list(iterator) == []
    with pytest.raises(OSError, match="damaged"):
        list(loader)


def test_a_loop_that_is_left_early_stops_the_thread():
    steps = Steps(100)
    loader = PrefetchLoader(steps)
    for number in loader:
        if number == 3:
            break
    assert_no_thread_is_left()
    assert steps.begun <= 4 + 2
    assert list(loader) == list(range(100))


def test_an_exception_in_the_loop_stops_the_thread():
    loader = PrefetchLoader(Steps(100))

    def train():
        for number in loader:
            if number == 3:
                raise ValueError("nan")

    with pytest.raises(ValueError, match="nan"):
        train()
    assert_no_thread_is_left()
    assert len(loader) == 100


def test_closing_waits_for_the_batch_that_is_being_made():
    steps = Steps(10, gated=True)
    iterator = iter(PrefetchLoader(steps))
    next(iterator)
    steps.wait_for(2)
    closer = threading.Thread(target=iterator.close)
    closer.start()
    assert closer.is_alive()
    assert steps.done == 1
    steps.let.release()
    closer.join(30)
    assert steps.done == steps.begun == 2
    assert list(iterator) == []


def test_a_new_iteration_ends_the_one_before():
    loader = PrefetchLoader(Steps(5))
    one = iter(loader)
    assert next(one) == 0
    assert list(loader) == [0, 1, 2, 3, 4]
    with pytest.raises(RuntimeError, match="another iteration"):
        next(one)


@pytest.mark.usefixtures("interruptible")
@needs_posix
def test_ctrl_c_while_waiting_loses_no_batch():
    steps = Steps(4, gated=True)
    iterator = iter(PrefetchLoader(steps))
    next(iterator)
    steps.wait_for(2)
    main = threading.get_ident()

    def interrupt():
        # Python's own locks can be interrupted as they are taken: only a wait that lasts will do.
        looks_in_a_row, look = 0, threading.Event()
        while looks_in_a_row < 5:
            waits = {"prefetch.py", "threading.py"} <= files_of(sys._current_frames()[main])
            looks_in_a_row = looks_in_a_row + 1 if waits else 0
            look.wait(0.01)
        signal.pthread_kill(main, signal.SIGINT)

    def files_of(frame):
        return {Path(one.f_code.co_filename).name for one, _ in traceback.walk_stack(frame)}

    interrupter = threading.Thread(target=interrupt)
    interrupter.start()
    with pytest.raises(KeyboardInterrupt):
        next(iterator)
    interrupter.join()
    steps.let.release(3)
    assert list(iterator) == [1, 2, 3]


@pytest.mark.parametrize("how", ["leaves", "raises", "is interrupted"])
@needs_posix
def test_a_program_that_ends_in_the_middle(how):
    ending = {
        "leaves": "sys.exit(3)",
        "raises": "raise ValueError('nan')",
        "is interrupted": "signal.raise_signal(signal.SIGINT)",
    }[how]
    script = f"""
import signal, sys
from lineage_triplets import PrefetchLoader
signal.signal(signal.SIGINT, signal.default_int_handler)
class Endless:
    def __iter__(self):
        return iter(int, 1)
iterator = iter(PrefetchLoader(Endless()))
next(iterator), next(iterator)
{ending}
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == {"leaves": 3, "raises": 1, "is interrupted": -signal.SIGINT}[how]
    expected = {"leaves": "", "raises": "ValueError: nan", "is interrupted": "KeyboardInterrupt"}
    assert done.stderr.strip().endswith(expected[how])


def test_what_else_is_asked_of_it_is_the_loaders():
    loader = DataLoader(list(range(4)), batch_size=2)
    ahead = PrefetchLoader(loader)
    assert ahead.dataset is loader.dataset
    assert ahead.batch_size == 2
    with pytest.raises(AttributeError, match="no_such"):
        _ = ahead.no_such
    list(ahead)
    for again in (copy.copy(ahead), copy.deepcopy(ahead), pickle.loads(pickle.dumps(ahead))):
        assert [batch.tolist() for batch in again] == [[0, 1], [2, 3]]


@pytest.mark.parametrize("n_batches", [0, -1])
def test_at_least_one_ahead(n_batches):
    with pytest.raises(ConfigError, match="n_batches"):
        PrefetchLoader(Steps(1), n_batches)


class _Numbers(Dataset):
    def __len__(self):
        return 11

    def __getitem__(self, number):
        return number


def orders(prefetch: bool, **options) -> list:
    """What two epochs give where the consumer draws from the global generators as well."""
    torch.manual_seed(5)
    loader = DataLoader(_Numbers(), batch_size=2, shuffle=True, **options)
    seen = []
    for _ in range(2):
        torch.rand(1)
        iterator = iter(PrefetchLoader(loader) if prefetch else loader)
        torch.rand(1)
        seen += [(batch.tolist(), torch.rand(1).item()) for batch in iterator]
    return seen


@pytest.mark.parametrize("given", [False, True])
def test_the_same_random_order_and_the_same_draws_of_the_consumer(given):
    def options():
        return {"generator": torch.Generator().manual_seed(3)} if given else {}

    plain = orders(False, **options())
    assert orders(True, **options()) == plain
    assert plain[:6] != plain[6:]


def whole_batch(batch):
    return batch


class TestDataset:
    @pytest.fixture
    def dataset(self, make_experiment):
        tracks = track_table(*((number, range(8)) for number in range(1, 6)))
        one = make_experiment("one", {"A/1/0": tracks}, shape=(8, 2, 1, 64, 64))
        index = MultiExperimentIndex(ExperimentRegistry([one]), 1, (16, 16))
        return MultiExperimentTripletDataset(index, seed=1, missing_chunks="fill")

    @staticmethod
    def epochs(dataset, loader) -> list:
        seen = []
        for epoch in range(3):
            dataset.set_epoch(epoch)
            for batch in loader:
                places = [
                    (one["t"], one["global_track_id"], other["t"])
                    for one, other in zip(batch["anchor_meta"], batch["positive_meta"], strict=True)
                ]
                seen.append((epoch, places, batch["anchor"].numpy(), batch["positive"].numpy()))
        return seen

    @pytest.mark.parametrize("workers", [0, 1])
    @needs_posix
    def test_epochs_are_those_of_the_loader(self, dataset, workers):
        options = {
            "num_workers": workers,
            "multiprocessing_context": "forkserver" if workers else None,
        }

        def loader():
            return DataLoader(
                dataset,
                batch_size=4,
                shuffle=True,
                collate_fn=whole_batch,
                generator=torch.Generator().manual_seed(1),
                persistent_workers=bool(workers),
                **options,
            )

        ahead, plain = (
            self.epochs(dataset, one) for one in (PrefetchLoader(loader(), 3), loader())
        )
        assert len(plain) == len(ahead) > 9
        assert plain[0][1] != plain[len(plain) // 3][1]
        for one, other in zip(plain, ahead, strict=True):
            assert one[:2] == other[:2]
            assert all(np.array_equal(a, b) for a, b in zip(one[2:], other[2:], strict=True))

    def test_an_epoch_that_is_left_early_and_the_next_one(self, dataset):
        loader = PrefetchLoader(DataLoader(dataset, batch_size=4, collate_fn=whole_batch))
        for _ in loader:
            break
        expected = self.epochs(dataset, DataLoader(dataset, batch_size=4, collate_fn=whole_batch))
        for one, other in zip(expected, self.epochs(dataset, loader), strict=True):
            assert one[:2] == other[:2]
