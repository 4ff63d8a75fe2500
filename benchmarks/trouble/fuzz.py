"""Inputs broken by chance: ``python -m benchmarks.trouble.fuzz FOLDER [--minutes 3] [--seed 0]``.

Each is a small study in order but for one file; all ways are gone with it in a child of its own.
"""

from __future__ import annotations

import argparse
import importlib
import json
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.trouble.children import GOOD, Tried, try_study
from benchmarks.trouble.mutate import change_bytes, change_json, change_text
from benchmarks.trouble.programs import apart, say
from benchmarks.trouble.samples import CONFIG, KINDS, Sample, write_samples
from benchmarks.trouble.ways import use

if TYPE_CHECKING:
    from collections.abc import Sequence

ALL_WAYS = 0.3
"""Share of the inputs with which all ways are gone."""
_IMPORTED = {"lineage_triplets", "jinja2", "numpy", "pandas", "pyarrow", "rich", "scipy"}


def spoil(sample: Sample, copy: Path, rng: random.Random) -> None:
    """Change one file of a copied study, once to three times."""
    file = copy / rng.choice(sample.files)
    how = rng.choice(sample.how)
    for _ in range(rng.choice((1, 1, 2, 3))):
        data = file.read_bytes()
        content = _json_of(data) if how == "json" else None
        if isinstance(content, dict | list):
            new = change_json(content, lambda _, below: rng.randrange(below))
            file.write_text(json.dumps(new))
        elif how == "bytes":
            file.write_bytes(change_bytes(data, rng))
        else:
            text = data.decode("utf-8", "surrogateescape")
            file.write_text(change_text(text, rng), "utf-8", "surrogateescape", newline="")


def _json_of(data: bytes) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def try_number(samples: Sequence[Sample], seed: int, number: int) -> tuple[Sample, Tried]:
    """Try the input that a seed and a number stand for."""
    rng = random.Random(f"{seed} {number}")
    kind = KINDS[number % len(KINDS)]
    sample = rng.choice([sample for sample in samples if sample.kind == kind])
    tried = try_study(
        sample.kind,
        sample.folder,
        CONFIG,
        lambda copy: spoil(sample, copy, rng),
        all_ways=rng.random() < ALL_WAYS,
    )
    return sample, tried


def warmed_up(folder: Path) -> list[Sample]:
    """Write the samples; what that imported is imported here too, once for all children."""
    samples, modules = apart(_written, folder)
    for name in modules:
        importlib.import_module(name)
    # What a command line parses is laid out at the first command.
    use("--version")
    return samples


def _written(folder: Path) -> tuple[list[Sample], list[str]]:
    samples = write_samples(folder)
    return samples, [name for name in sys.modules if name.partition(".")[0] in _IMPORTED]


def main() -> None:
    """Try until the time is over, and say what became of all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--most", type=int, default=10**9, help="inputs at most")
    options = parser.parse_args()
    samples = warmed_up(options.folder)
    counts: Counter[tuple[str, str]] = Counter()
    peak_mb = 0.0
    end = time.monotonic() + 60 * options.minutes
    for number in range(options.first, options.first + options.most):
        if time.monotonic() > end:
            break
        sample, tried = try_number(samples, options.seed, number)
        counts[sample.kind, tried.outcome] += 1
        peak_mb = max(peak_mb, tried.peak_mb)
        if tried.outcome not in GOOD:
            say(number=number, kind=sample.kind, name=sample.name, **tried._asdict())
        say(done=sum(counts.values()), minutes_left=(end - time.monotonic()) / 60)
    table = [[*key, count] for key, count in sorted(counts.items())]
    say(result=table, peak_mb=peak_mb)


if __name__ == "__main__":
    main()
