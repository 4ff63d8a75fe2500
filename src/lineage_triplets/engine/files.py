"""Files that are written whole or not at all, and bytes read from a place."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
import socket
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import (
    LineageTripletsError,
    OutputError,
    OutputExistsError,
    Problem,
)
from lineage_triplets.engine.process import may_run

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence


def read_at(file: int, n_bytes: int, start: int) -> bytes:
    """Bytes of an open file from `start` on; fewer where it ends. Windows has no ``os.pread``.

    Parameters
    ----------
    file : int
        Descriptor that no other thread reads from.
    n_bytes, start : int
    """
    if hasattr(os, "pread"):
        return os.pread(file, n_bytes, start)
    os.lseek(file, start, os.SEEK_SET)
    return os.read(file, n_bytes)


_ODD_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def odd_kind(path: str | Path) -> str:
    """Say what stands where a file belongs: ``"a pipe"``, which to read may wait for ever.

    Empty where it is a file, a folder, a link to one, or nothing.
    """
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - asked for each chunk
    except (OSError, ValueError):
        return ""
    return _ODD_KINDS.get(stat.S_IFMT(mode), "")


def read_whole(path: str | Path) -> bytes:
    """Read a file; what is none is an error, and not waited for.

    Raises
    ------
    OSError
        It is a pipe, socket or device, or cannot be read; ``strerror`` says it.
    """
    kind = odd_kind(path)
    if kind:
        raise OSError(errno.EINVAL, f"it is {kind}, and no file", str(path))
    return Path(path).read_bytes()


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Raise before any work is done for a file that must not be overwritten."""
    if path.is_dir() or (os.path.lexists(path) and not overwrite):
        remedy = (
            "Name a file."
            if path.is_dir()
            else "Name another file, or say overwrite (--overwrite)."
        )
        kind = "a folder" if path.is_dir() else "there already"
        raise OutputExistsError(
            Problem("output-exists", f"the output is {kind}.", remedy, file=str(path))
        )


@contextlib.contextmanager
def whole_file(path: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary path beside `path`, and put it in its place once the block has succeeded.

    The file is written to disk (fsync) before it is renamed; a failure leaves nothing behind.

    Raises
    ------
    OutputExistsError
        `path` exists and `overwrite` is false, or it is a folder.
    OutputError
        It cannot be written: no such folder, no permission, disk full.
    """
    target = Path(path)
    temporary: Path | None = None
    try:
        refuse_existing(target, overwrite)
        remove_left_behind(target.parent, target.stem)
        new = target.with_name(f".{target.stem}.{_mark()}{target.suffix}")
        os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        temporary = new
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        if overwrite:
            temporary.replace(target)
        else:
            _rename_to_new(temporary, target)
        _sync_folder(target.parent)
    except OutputExistsError:
        raise
    except OSError as error:
        raise _failed(error, target) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_files(targets: Sequence[Path], *, overwrite: bool = False) -> Iterator[dict[Path, Path]]:
    """Give a temporary path beside each target, and put all in their places, or none.

    Folders that are missing are made, and taken away again after a failure. The last target is
    put in its place last.

    Raises
    ------
    OutputExistsError
        A target exists and `overwrite` is false, or it is a folder.
    OutputError
        One cannot be written: no permission, disk full.
    """
    for target in targets:
        refuse_existing(target, overwrite)
    staged = _StagedFiles(targets, overwrite)
    for target in targets:
        remove_left_behind(target.parent, target.stem)
        remove_left_behind(target.parent, target.name)
    try:
        staged.make_folders()
        yield staged.new
        staged.put()
    except LineageTripletsError:
        raise
    except OSError as error:
        raise _failed(error, targets[-1]) from error
    finally:
        staged.finish()


def refuse_folder(path: Path) -> None:
    """Raise before any work is done for a new folder where something is already."""
    if os.path.lexists(path):
        raise OutputExistsError(
            Problem(
                "output-exists",
                "the output is there already.",
                "Name a new folder: none is written into or replaced.",
                file=str(path),
            )
        )


@contextlib.contextmanager
def whole_folder(path: str | Path) -> Iterator[Path]:
    """Give a temporary folder beside `path`, and put it in its place once the block has succeeded.

    All its files are written to disk (fsync) before; a failure leaves nothing behind.

    Raises
    ------
    OutputExistsError
        There is something at `path`.
    OutputError
        It cannot be written: no folder to be in, no permission, disk full.
    """
    target = Path(path)
    refuse_folder(target)
    staging: Path | None = None
    try:
        remove_left_behind(target.parent, target.name)
        new = target.with_name(f".{target.name}.{_mark()}")
        new.mkdir()
        staging = new
        yield staging
        for file in staging.rglob("*"):
            if file.is_file():
                with file.open("rb+") as written:
                    os.fsync(written.fileno())
        refuse_folder(target)
        staging.rename(target)
        _sync_folder(target.parent)
    except LineageTripletsError:
        raise
    except OSError as error:
        raise _failed(error, target) from error
    finally:
        if staging is not None:
            shutil.rmtree(staging, ignore_errors=True)


@contextlib.contextmanager
def whole_entries(folder: Path, replaced: Collection[str] = (), last: str = "") -> Iterator[Path]:
    """Give a temporary folder inside `folder`; all that is in it takes its place there, or nothing.

    What has the same names is replaced at the end, and what `replaced` names goes. A failure leaves
    what was there before. A kill between the renames may leave some of each: then `last`, which
    goes before all others and comes after them, is not there.

    Raises
    ------
    OutputError
        It cannot be written: no permission, disk full.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    remove_left_behind(folder)
    own = folder / f".new.{_mark()}"
    new, old = own / "new", own / "old"
    moved: list[tuple[Path, Path]] = []
    done = False
    try:
        for part in (new, old):
            part.mkdir(parents=True)
        yield new
        names = sorted({*(path.name for path in new.iterdir()), *replaced} - {last})
        steps = [(folder / last, old / last)] if last else []
        for name in names:
            steps += [(folder / name, old / name), (new / name, folder / name)]
        steps += [(new / last, folder / last)] if last else []
        for place, there in steps:
            if os.path.lexists(place):
                place.rename(there)
                moved.append((place, there))
        done = True
    except LineageTripletsError:
        raise
    except OSError as error:
        raise _failed(error, folder) from error
    finally:
        if not done:
            for place, there in reversed(moved):
                there.rename(place)
        shutil.rmtree(own, ignore_errors=True)
        for path in [] if done else made:
            with contextlib.suppress(OSError):
                path.rmdir()


def remove_left_behind(folder: Path, stem: str = "new") -> None:
    """Remove what processes of this machine that were killed have left of a target in a folder."""
    try:
        entries = [path for path in folder.iterdir() if path.name.startswith(f".{stem}.")]
    except OSError:
        return
    for left in entries:
        marked = _MARKED.match(left.name[len(stem) + 1 :])
        if marked is None or marked[1] != _machine() or may_run(int(marked[2])):
            continue
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                left.unlink()


_MARKED = re.compile(r"\.([0-9a-f]{8})-(\d{1,10})-[0-9a-f]{8}(?:\.|$)")


def _mark() -> str:
    """Tell whose a temporary name is: of which machine, of which process."""
    return f"{_machine()}-{os.getpid()}-{os.urandom(4).hex()}"


def _machine() -> str:
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


class _StagedFiles:
    """Files that take their places together."""

    def __init__(self, targets: Sequence[Path], overwrite: bool) -> None:
        token = _mark()
        self._overwrite = overwrite
        self.new = {
            target: target.with_name(f".{target.stem}.{token}{target.suffix}") for target in targets
        }
        self._old = {target: target.with_name(f".{target.name}.{token}.old") for target in targets}
        self._made: list[Path] = []
        self._placed: list[Path] = []
        self._done = False

    def make_folders(self) -> None:
        for folder in dict.fromkeys(target.parent for target in self.new):
            missing = [path for path in (folder, *folder.parents) if not path.exists()]
            folder.mkdir(parents=True, exist_ok=True)
            self._made += missing

    def put(self) -> None:
        for temporary in self.new.values():
            with temporary.open("rb+") as written:
                os.fsync(written.fileno())
        for target, temporary in self.new.items():
            if target.exists():
                _keep(target, self._old[target])
            if self._overwrite:
                temporary.replace(target)
            else:
                _rename_to_new(temporary, target)
            self._placed.append(target)
        for folder in {target.parent for target in self.new}:
            _sync_folder(folder)
        self._done = True

    def finish(self) -> None:
        """Clean up; after a failure everything is as it was before."""
        for target in [] if self._done else self._placed:
            if self._old[target].exists():
                self._old[target].replace(target)
            else:
                target.unlink(missing_ok=True)
        for leftover in (*self.new.values(), *self._old.values()):
            with contextlib.suppress(OSError):
                leftover.unlink(missing_ok=True)
        for folder in [] if self._done else self._made:
            with contextlib.suppress(OSError):
                folder.rmdir()


def _keep(target: Path, copy: Path) -> None:
    """Keep what stands at `target` under another name too, where links are known or not."""
    try:
        os.link(target, copy)
    except OSError:
        shutil.copy2(target, copy)


def _failed(error: OSError, target: Path) -> OutputError:
    return OutputError(
        Problem(
            "output-failed",
            f"could not be written: {error.strerror or error}.",
            "Nothing was left half written. Check that the folder exists, that you may write "
            "there, and that the disk has room.",
            file=str(target),
        )
    )


def _rename_to_new(temporary: Path, target: Path) -> None:
    """Rename without overwriting what another process put there meanwhile."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        refuse_existing(target, overwrite=False)
    except OSError:
        refuse_existing(target, overwrite=False)
        temporary.replace(target)


def _sync_folder(folder: Path) -> None:
    # Windows opens no folders.
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
