"""Drafts with fingerprints, and whether what a config stands for is still what it was.

Fingerprints cover axes, shape, dtype, codecs, levels, channel labels, the tables' bytes, 32 seeded
patches an experiment, and the config's own experiments, dataset, exclusions, cuts and links. They
do not cover paths, masks, times, display windows or normalization.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import math
import sqlite3
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from lineage_triplets.engine.dataset.companions import others_beside
from lineage_triplets.engine.dataset.seeded import KnownPixels, read_seeded
from lineage_triplets.engine.errors import (
    ConfigError,
    Problem,
    StoreError,
    VerificationError,
    choices,
    counted,
)
from lineage_triplets.engine.settings.paths import decisions_path
from lineage_triplets.engine.settings.verified import Fingerprint, Verification
from lineage_triplets.engine.tracks.read import digest_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lineage_triplets.engine.dataset.seeded import SeededPatches
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.settings.model import TripletConfig
    from lineage_triplets.engine.settings.verified import Audit

_log = logging.getLogger(__name__)

VerifyMode = Literal["error", "warn", "off"]
_ANY_DECISION = """
SELECT 1 FROM decision WHERE json_extract(value, '$.from') IS NOT 'config' AND 'undone' IS NOT (
    SELECT what FROM event WHERE event.step = decision.step ORDER BY event.number DESC LIMIT 1
) LIMIT 1
"""
_PARTS = {
    "images": "axes, shape, dtype, codecs or levels of its images",
    "channels": "the channel labels of its store",
    "tables": "its track tables",
    "pixels": "its pixels",
    "fovs": "the set of FOVs that have a table",
}


def config_hash(config: TripletConfig) -> str:
    """Hash of experiments (without paths, masks), dataset, exclusions, cuts, links, as they act.

    Where the config says what an audit or a scan of images found, that is hashed with it, and
    whether it is validated; a config of before audits has the hash that it had.
    """
    content = config.model_dump(
        mode="json",
        include={"experiments", "dataset", "exclude", "cut", "link"},
        exclude={
            "experiments": {"__all__": {"data_path", "tracks_path", "labels_path", "labels_name"}},
            "dataset": {"cache_pool_bytes", "read_strategy", "statistics_path"},
        },
        exclude_defaults=True,
    )
    found = config.verification.model_dump(mode="json", include={"audit", "images_scanned"})
    if any(found.values()):
        content["verification"] = {**found, "validated": config.verification.validated}
    return _sha256(json.dumps(content, sort_keys=True).encode())


def fingerprints(index: MultiExperimentIndex) -> dict[str, Fingerprint]:
    """Fingerprint of each experiment of an index.

    Raises
    ------
    StoreError
        Pixels or tables cannot be read.
    """
    return _fingerprints(index, read_seeded(index))


def _fingerprints(
    index: MultiExperimentIndex, seeded: Sequence[SeededPatches]
) -> dict[str, Fingerprint]:
    result = {}
    for number, config in enumerate(index.registry.experiments):
        sources = sorted(
            (source for source in index.fovs if source.experiment_number == number),
            key=lambda source: source.fov.name,
        )
        images, channels, tables = hashlib.sha256(), hashlib.sha256(), hashlib.sha256()
        for source in sources:
            fov = source.fov
            described: list[object] = [
                fov.name,
                fov.axes,
                fov.shape,
                fov.dtype,
                fov.codecs,
                fov.level_shapes,
            ]
            if index.settings.z_centre != "cell":
                # Where the statistics say that the focus is decides what is read.
                described += [source.z_start, source.z_starts]
            images.update(json.dumps(described).encode())
            channels.update(json.dumps([fov.name, fov.channel_labels or None]).encode())
            try:
                table = digest_table(*source.table_as)
            except OSError as error:
                raise StoreError(
                    Problem(
                        "unreadable",
                        f"the table cannot be read: {error.strerror}.",
                        "Check that it is there.",
                        experiment=config.name,
                        fov=fov.name,
                        file=str(source.table),
                    )
                ) from None
            tables.update(json.dumps([fov.name, table]).encode())
        result[config.name] = Fingerprint(
            images=images.hexdigest(),
            channels=channels.hexdigest(),
            tables=tables.hexdigest(),
            pixels=seeded[number].together,
            fovs=len(sources),
        )
    return result


def draft_of(
    config: TripletConfig, index: MultiExperimentIndex, program_version: str
) -> TripletConfig:
    """Add fingerprints and counts to a config, and mark it as not validated.

    Raises
    ------
    StoreError
        Pixels or tables cannot be read.
    """
    settings = config.dataset.model_copy(update={"slot_labels": index.registry.slot_labels})
    draft = config.model_copy(update={"dataset": settings})
    counts = index.counts().set_index("experiment")
    named = ["fovs", "observations", "lineages", "divisions", "valid_anchors"]
    record = Verification(
        validated=False,
        program_version=program_version,
        config_hash=config_hash(draft),
        fingerprints=fingerprints(index),
        counts={
            str(name): {key: int(row[key]) for key in named} for name, row in counts.iterrows()
        },
    )
    return draft.model_copy(update={"verification": record})


def verify_config(
    config: TripletConfig, index: MultiExperimentIndex, mode: VerifyMode = "error"
) -> KnownPixels | None:
    """Check that a validated config's text and data are what was validated.

    A draft's data are checked if it has fingerprints, and a change is a warning.

    Returns
    -------
    KnownPixels or None
        What the pixels are now, which reading can be held against; None where nothing is checked.

    Raises
    ------
    VerificationError
        They are not, and `mode` is ``"error"``; the message says what changed.
    ConfigError
        There is no such mode.
    """
    if mode not in get_args(VerifyMode):
        raise ConfigError(
            Problem(
                "bad-value",
                f"there is no mode {mode!r}.",
                f"There is: {choices(get_args(VerifyMode))}.",
                field="verify",
            )
        )
    record = config.verification
    same_text = record.config_hash == config_hash(config)
    # A draft is there to be edited, and its fingerprints are those of its text.
    if mode == "off" or not (record.validated or (record.fingerprints and same_text)):
        return None
    since = "the config was validated" if record.validated else "the draft was written"
    problems = [] if same_text else [_changed("", "config-changed", "its own text", since)]
    seeded = read_seeded(index)
    now = _fingerprints(index, seeded)
    problems += [
        _changed(name, "data-changed", "the list of experiments", since)
        for name in sorted(now.keys() ^ record.fingerprints.keys())
    ]
    for name in now.keys() & record.fingerprints.keys():
        for part, words in _PARTS.items():
            if getattr(record.fingerprints[name], part) != getattr(now[name], part):
                problems.append(_changed(name, "data-changed", words, since))
    if problems and mode == "error" and record.validated:
        raise VerificationError(*problems)
    for problem in problems:
        _log.warning("%s", problem)
    return KnownPixels(
        np.concatenate([patches.rows for patches in seeded]),
        [digest for patches in seeded for digest in patches.each],
        "warn" if mode == "warn" else "error",
    )


def audit_words(audit: Audit) -> str:
    """Say what is known about the share of wrong pairs of an experiment."""
    told = f"{audit.wrong} of {audit.judged} judged wrong"
    if audit.cannot_tell:
        told += f", {audit.cannot_tell} that nobody could tell counted as wrong"
    if audit.samples_before:
        n_judged = sum(before.judged for before in audit.samples_before)
        told += f"; {counted(len(audit.samples_before), 'sample')} before ({n_judged} pairs)"
    bound = ""
    if audit.bound is not None:
        bound = f"at most {percent(audit.bound)} of pairs wrong, {100 * audit.confidence:g} % "
        bound += f"confidence, {told}"
    if not audit.without:
        return bound or "no pair can be drawn"
    known = bound or "how many pairs are wrong is not known"
    if not bound and audit.judged:
        known += f" ({told}, of {audit.planned} planned)"
    return f"exported without audit, because: {audit.without}; {known}"


def percent(share: float) -> str:
    """Write a share of wrong pairs, never smaller than it is: ``"4.96 %"``."""
    return f"{math.ceil(share * 1e4 - 1e-9) / 100:.2f} %"


def log_standing(config: TripletConfig, path: Path | None) -> None:
    """Log what is known of a config that is trained on.

    Of a validated one the share of wrong pairs, a line an experiment, and which files beside it
    are of another export; of another that it lacks the decisions beside its file.
    """
    record = config.verification
    if not record.validated:
        if path is not None:
            _warn_of_decisions(path)
        return
    if path is not None:
        _warn_of_other_exports(path, record.config_hash)
    for name, audit in record.audit.items():
        level = logging.WARNING if audit.without else logging.INFO
        _log.log(level, "experiment %r: %s.", name, audit_words(audit))
    for name, images in record.images_scanned.items():
        if images.without:
            left = f"{images.fovs - images.scanned} of {counted(images.fovs, 'FOV')}"
            _log.warning(
                "experiment %r: the images of %s were not scanned, because: %s.",
                name, left, images.without,
            )  # fmt: skip
    if not record.audit:
        _log.info("validated before audits were asked for: how many pairs are wrong is not known.")


def _warn_of_decisions(path: Path) -> None:
    decisions = decisions_path(path.expanduser())
    if decisions.exists() and _holds_decisions(decisions):
        _log.warning(
            "%s has a review: what was decided there is not in %s. Export it (lineage-triplets "
            "export %s --to FOLDER), and train on the export.",
            decisions.name,
            path.name,
            path,
        )


def _warn_of_other_exports(path: Path, of_config: str) -> None:
    """Say that files of two exports lie side by side, as a kill between their renames leaves."""
    for name, of_file in others_beside(path.expanduser(), of_config):
        _log.warning(
            "%s lies beside %s and was not exported with it (it is of the config %s, this one is "
            "%s). Export both again before you train on %s.",
            name,
            path.name,
            of_file,
            of_config,
            name,
        )


def _holds_decisions(file: Path) -> bool:
    """Whether somebody decided something: checks keep results there too, and configs' exclusions.

    What cannot be read may hold some.
    """
    try:
        uri = f"{file.absolute().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=0)) as opened:
            return opened.execute(_ANY_DECISION).fetchone() is not None
    except (sqlite3.Error, ValueError):
        return True


def _changed(experiment: str, kind: str, what: str, since: str) -> Problem:
    return Problem(
        kind,
        f"{what} changed since {since}.",
        "Review it again and export it anew; verify='warn' or 'off' loads it all the same.",
        experiment=experiment,
    )


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
