"""Work beside the event loop: told of, cancelled when nobody wants it, never for who is gone.

superqt's ``create_worker`` runs one function and tells how it went. Here a job has a name and
an owner: a newer one of that name makes the older void, and so does the end of its owner; the
widget lists what is under way by name, and stops it; and a result may be shown in steps between
which the event loop goes on.
"""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from inspect import GEN_RUNNING, getgeneratorstate, isgeneratorfunction
from typing import Any

from qtpy.compat import isalive
from qtpy.QtCore import QObject, QTimer, Signal

from lineage_triplets.engine import waiting
from lineage_triplets.engine.errors import LineageTripletsError
from lineage_triplets.engine.process import give_back_freed_memory, give_way
from lineage_triplets.plugin.common.interpreter import Interpreter

# What a person looks at waits for none that is patient: these have threads of their own.
_THREADS = 4
# Five of these may be long: tables, where they are, channels, all images, thumbnails.
_PATIENT_THREADS = 8
# Between steps: what is due, and drawing, comes before a timer without any time.
_BREATH_MS = 4
_Steps = Generator[None, None, None]
_Done = Callable[[Any], _Steps | None]


@dataclass(frozen=True, eq=False)
class Job:
    """One piece of work.

    Attributes
    ----------
    owner : QObject
        For whom it is; once destroyed, it gets nothing any more.
    name : str
        Of what it is for; a newer job of the same name makes an older one void.
    number : int
    stop : threading.Event
        Set once nobody waits for it any more.
    patient : bool
        Whether nobody waits for it, so that it begins once all others are over.
    """

    owner: QObject
    name: str
    number: int
    stop: threading.Event
    patient: bool
    _report: Callable[[int, int], None]

    def stopped(self) -> bool:
        """Whether nobody waits for it any more."""
        return self.stop.is_set()

    def progress(self, done: int, total: int) -> None:
        """Tell how far it is; may be called from its thread."""
        if not self.stopped():
            self._report(done, total)


class _Telling(logging.Handler):
    """Hands on what is said while something is waited for."""

    def __init__(self, work: Work) -> None:
        super().__init__()
        self._work = weakref.ref(work)

    def emit(self, record: logging.LogRecord) -> None:
        work = self._work()
        if work is not None and isalive(work):
            work.waits.emit(record.getMessage())


class Work(QObject):
    """Runs jobs in a few threads and hands their results back to the event loop.

    As long as it is there, the `Interpreter` is kept as an event loop needs it.

    Attributes
    ----------
    progressed : Signal(str, int, int)
        Name of a job, done, total.
    finished : Signal(str)
        Name of a job that is done, failed or cancelled.
    failed : Signal(str)
        What went wrong, in words.
    waits : Signal(str)
        For whom a job waits, in words, where that takes long.
    """

    progressed = Signal(str, int, int)
    finished = Signal(str)
    failed = Signal(str)
    waits = Signal(str)
    _returned = Signal(object, object, object)
    _advanced = Signal(object, int, int)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="lineage-triplets")
        self._patient_pool = ThreadPoolExecutor(
            _PATIENT_THREADS, thread_name_prefix="patient", initializer=give_way
        )
        self._jobs: dict[str, Job] = {}
        self._done: dict[int, tuple[_Done, Callable[[], None] | None]] = {}
        self._steps: dict[int, _Steps] = {}
        self._ended = False
        self._waiting: list[tuple[Job, Callable[[], None]]] = []
        self._number = 0
        self._interpreter = Interpreter.of_application()
        self._let_go = self._interpreter.hold(self)
        self._waiting_log = _Telling(self)
        waiting.LOG.addHandler(self._waiting_log)
        self._returned.connect(self._hand_back)
        self._advanced.connect(self._tell_progress)

    def start(
        self,
        owner: QObject,
        name: str,
        run: Callable[[Job], Any],
        done: _Done,
        dropped: Callable[[], None] | None = None,
        *,
        patient: bool = False,
    ) -> Job:
        """Start a job; one of the same name that is under way becomes void.

        Parameters
        ----------
        owner : QObject
            If it is destroyed first, the job becomes void.
        name : str
        run : callable
            Does the work in a thread; gets the `Job`, to ask whether to stop and to tell progress.
        done : callable
            Gets what `run` gave, in the event loop, unless the job became void. If it is a
            generator, the event loop is let go on at each of its steps, and the job is under way
            until its end; one that becomes void before is closed.
        dropped : callable, optional
            Called where `done` is not, or not to its end: the job became void, or failed.
        patient : bool
            Whether it begins only once none but patient ones are under way: what is long and not
            waited for leaves the processor to what somebody waits for, and to the window.
        """
        self.cancel(name)
        self._number += 1
        job = Job(
            owner,
            name,
            self._number,
            threading.Event(),
            patient,
            lambda now, total: self._advanced.emit(job, now, total),
        )
        self._jobs[name] = job
        self._done[job.number] = done, dropped

        def work() -> None:
            result, error = None, None
            try:
                if not job.stopped():
                    with waiting.wanted_until(job.stopped):
                        result = run(job)
            except LineageTripletsError as raised:
                error = str(raised)
            except Exception as raised:  # noqa: BLE001 - a thread's error is told, not lost
                error = f"{type(raised).__name__}: {raised}"
            if patient:
                # What is long leaves hundreds of megabytes behind that it does not use any more.
                give_back_freed_memory()
            self._returned.emit(job, result, error)

        if patient:
            self._waiting.append((job, work))
            self._begin_patient_soon()
        else:
            self._pool.submit(work)
        return job

    def cancel(self, name: str) -> None:
        """Make a job void; its result is dropped."""
        job = self._jobs.pop(name, None)
        if job is not None:
            job.stop.set()
            _, dropped = self._done.pop(job.number)
            steps = self._steps.pop(job.number, None)
            # A step that makes its own job void is closed once it is over.
            if steps is not None and getgeneratorstate(steps) != GEN_RUNNING:
                steps.close()
            if dropped is not None:
                dropped()
            self.finished.emit(name)
            self._begin_patient_soon()

    def cancel_all(self) -> None:
        """Make all jobs void."""
        for name in list(self._jobs):
            self.cancel(name)

    def collect_soon(self) -> None:
        """Let go of what hangs together in circles, once the present event is over."""

        def collect() -> None:
            self._interpreter.collect_all()
            if not self._ended:
                self._patient_pool.submit(give_back_freed_memory)

        soon(self, collect)

    @property
    def running(self) -> tuple[str, ...]:
        """Names of the jobs under way."""
        return tuple(self._jobs)

    def shut_down(self) -> None:
        """Cancel everything and wait for the threads to end."""
        self.cancel_all()
        self._ended = True
        waiting.LOG.removeHandler(self._waiting_log)
        for pool in (self._pool, self._patient_pool):
            pool.shutdown(wait=True, cancel_futures=True)
        self._let_go()

    def _tell_progress(self, job: Job, done: int, total: int) -> None:
        if self._jobs.get(job.name) is job:
            self.progressed.emit(job.name, done, total)

    def _hand_back(self, job: Job, result: object, error: str | None) -> None:
        if self._jobs.get(job.name) is not job:
            return
        if not isalive(job.owner):
            self.cancel(job.name)
            return
        done, dropped = self._done[job.number]
        if error is not None:
            self._end(job)
            if dropped is not None:
                dropped()
            self.failed.emit(error)
        elif isgeneratorfunction(done):
            steps = done(result)
            if steps is not None:
                self._steps[job.number] = steps
                self._step(job)
        else:
            self._end(job)
            done(result)

    def _step(self, job: Job) -> None:
        """Do the next step of what follows a job, and the others once the loop was let go on."""
        steps = self._steps.get(job.number)
        if steps is None:
            return
        if not isalive(job.owner):
            self.cancel(job.name)
            return
        try:
            next(steps)
        except BaseException as ended:
            if job.number in self._steps:
                self._end(job)
            if not isinstance(ended, StopIteration):
                raise
        else:
            if job.number in self._steps:
                soon(self, lambda: self._step(job), _BREATH_MS)
            else:
                steps.close()

    def _end(self, job: Job) -> None:
        del self._jobs[job.name], self._done[job.number]
        self._steps.pop(job.number, None)
        self.finished.emit(job.name)
        self._begin_patient_soon()

    def _begin_patient_soon(self) -> None:
        """Begin patient jobs, unless what follows from a job's end is waited for."""
        if self._waiting:
            soon(self, self._begin_patient)

    def _begin_patient(self) -> None:
        if any(not job.patient for job in self._jobs.values()):
            return
        waiting, self._waiting = self._waiting, []
        for job, work in waiting:
            if self._jobs.get(job.name) is job:
                self._patient_pool.submit(work)


def soon(owner: QObject, action: Callable[[], object], wait_ms: int = 0) -> None:
    """Call an action in the next round of the event loop, or after a moment.

    PyQt6 has no ``QTimer.singleShot`` with a context, so this asks whether it is alive; a timer
    that deletes itself while its parent is deleted ends PySide6 in a segmentation fault.

    Parameters
    ----------
    owner : QObject
        If it is destroyed first, nothing is called.
    action : callable
        Takes nothing.
    wait_ms : int
    """

    def act() -> None:
        if isalive(owner):
            action()

    QTimer.singleShot(wait_ms, act)
