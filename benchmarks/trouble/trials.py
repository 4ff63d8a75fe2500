"""Inputs broken by hand, by name: ``python -m benchmarks.trouble.trials FOLDER [--only NAME]``.

Each must be told in a sentence, or, where so marked, work. Prints lines of JSON.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from benchmarks.trouble.children import GOOD, try_study
from benchmarks.trouble.fuzz import warmed_up
from benchmarks.trouble.hand import TRIALS
from benchmarks.trouble.programs import say
from benchmarks.trouble.samples import CONFIG


def main() -> None:
    """Try all, and say which were not as they should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="part of a name")
    parser.add_argument("--seed", help="of no use: nothing is drawn")
    options = parser.parse_args()
    studies = {sample.name: sample.folder for sample in warmed_up(options.folder)}
    counts: Counter[tuple[str, str]] = Counter()
    peak_mb = 0.0
    for number, trial in enumerate(TRIALS):
        if options.only not in trial.name:
            continue
        tried = try_study(trial.kind, studies[trial.study], CONFIG, trial.spoil, all_ways=True)
        peak_mb = max(peak_mb, tried.peak_mb)
        expected = "usable" if trial.works else "told"
        outcome = tried.outcome
        if outcome in GOOD and outcome != expected:
            outcome = f"{outcome}, not {expected}"
        counts[trial.kind, outcome] += 1
        if outcome != expected:
            more = tried._replace(outcome=outcome)._asdict()
            say(number=number, kind=trial.kind, name=trial.name, **more)
        say(done=sum(counts.values()), of=len(TRIALS))
    say(result=[[*key, count] for key, count in sorted(counts.items())], peak_mb=peak_mb)


if __name__ == "__main__":
    main()
