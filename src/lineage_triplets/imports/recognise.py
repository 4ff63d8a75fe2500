"""From files to a plan: which FOV each image becomes, its axes and frames, and what is asked."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lineage_triplets.engine.errors import ConfigError, Problem, choices, counted
from lineage_triplets.engine.settings.paths import is_url
from lineage_triplets.imports.plan import LETTERS, ImportPlan, PlannedFov, Question
from lineage_triplets.imports.sources import FoundImage, find_images
from lineage_triplets.imports.sources.names import absent_numbers, step_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Gaps = Literal["absent", "drop"]
_FIRST_WELL = "A/1"


def plan_import(
    sources: Sequence[str | Path],
    *,
    axes: str | None = None,
    gaps: Gaps | None = None,
    channel_names: Sequence[str] = (),
    pixel_size_um: Sequence[float] = (),
    interval_minutes: float | None = None,
    rewrite: bool = False,
) -> ImportPlan:
    """Recognise images, and say what is not sure.

    Parameters
    ----------
    sources : sequence of str or Path
        Files and folders; ``"B/2/0=PATH"`` says which FOV one becomes. Others become ``A/1/0``,
        ``A/1/1``, … in this order.
    axes : str, optional
        What the axes of the files are, one letter each: ``"TCYX"``.
    gaps : {"absent", "drop"}, optional
        What becomes of planes that are not there: left absent, which the reader of the plate then
        counts and says; or frames that lack one are left out, and later ones move up.
    channel_names : sequence of str
        One a channel; the files' own by default.
    pixel_size_um : sequence of float
        (y, x) or (z, y, x), or one for both; the files' own by default.
    interval_minutes : float, optional
        The files' own by default.
    rewrite : bool
        Whether sources are OME-Zarr stores that are to be written anew.

    Raises
    ------
    ConfigError
        A source is not known; answers cannot be; FOVs do not go together.
    StoreError
        A source cannot be read.
    """
    named = [_named(source) for source in sources]
    found = [(place, image) for place, path in named for image in _found(path, rewrite)]
    questions: dict[str, Question] = {}
    warnings = [problem for _, image in found for problem in image.problems]
    fovs = []
    for (_, image), name in zip(found, _places(found), strict=True):
        letters = _letters(image, axes, questions)
        fov, told = _laid_out(name, image, letters, gaps, questions)
        warnings += told
        fovs.append(fov)
    _refuse_unlike(fovs)
    first = fovs[0]
    names = _channels([fov.image for fov in fovs], first.shape[1], channel_names, questions)
    sizes = _pixel_size(fovs, pixel_size_um)
    interval = interval_minutes
    if interval is None:
        interval = first.image.interval_minutes
    if interval is None and first.shape[0] > 1 and not rewrite:
        questions.setdefault(
            "interval_minutes",
            Question(
                "interval_minutes", f"{first.image.name}: how many minutes are between frames?"
            ),
        )
    if interval is not None and not 0 < interval < math.inf:
        raise _refused("interval_minutes", f"{interval} minutes between frames cannot be.")
    warnings += _unlike_facts(fovs)
    if rewrite:
        sizes, interval = first.image.pixel_size_um, first.image.interval_minutes
    return ImportPlan(
        tuple(fovs),
        names,
        sizes,
        interval,
        tuple(questions.values()),
        tuple(dict.fromkeys(warnings)),
    )


def _named(source: str | Path) -> tuple[str, Path]:
    """Split ``A/1/0=PATH``."""
    place, separator, path = str(source).partition("=")
    if not (separator and len(place.split("/")) == 3 and all(place.split("/"))):
        place, path = "", str(source)
    if is_url(path):
        raise ConfigError(
            Problem(
                "remote-images",
                "imports read files on disk, and nothing behind a URL.",
                "An OME-Zarr plate may stay where it is: `lineage-triplets init URL` writes its "
                "config. Copy or mount anything else.",
                file=path.partition("?")[0],
            )
        )
    return place, Path(path)


def _found(path: Path, rewrite: bool) -> list[FoundImage]:
    images = find_images(path)
    is_store = images[0].kind == "OME-Zarr"
    if is_store and not rewrite:
        raise _refused(
            "sources",
            f"{path} is OME-Zarr already.",
            "`lineage-triplets init` writes its config; --rechunk writes it anew.",
        )
    if rewrite and not is_store:
        raise _refused("sources", f"{path} is no OME-Zarr store.", "Leave --rechunk out.")
    return images


def _refused(field: str, message: str, remedy: str = "") -> ConfigError:
    return ConfigError(Problem("bad-import", message, remedy, field=field))


def _places(found: Sequence[tuple[str, FoundImage]]) -> list[str]:
    """Name each FOV: as it was said, as its source has it, or the next one of the first well."""
    taken = {place for place, _ in found if place}
    several = [place for place in taken if sum(place == other for other, _ in found) > 1]
    free = (f"{_FIRST_WELL}/{number}" for number in itertools.count())
    names = []
    for place, image in found:
        name = (place if place not in several else "") or image.place
        names.append(name or next(other for other in free if other not in taken))
    if several:
        raise _refused(
            "sources",
            f"{several[0]} was said of a source with several images, or of two sources.",
            "Say it of one image; without it the next free FOV is taken.",
        )
    if len(set(names)) < len(names):
        raise _refused("sources", f"two images would be one FOV: {choices(names)}.")
    return names


def _letters(image: FoundImage, axes: str | None, questions: dict[str, Question]) -> str:
    """What each axis is: as asked for, else as the files say; a question where they do not."""
    if axes is not None and image.axes != "" and image.kind != "OME-Zarr":
        return _given_letters(image, axes)
    if not image.doubt:
        return image.axes
    shape = " x ".join(map(str, (*image.sizes, *image.plane_shape)))
    questions.setdefault(
        "axes",
        Question(
            "axes",
            f"{image.name}: shape {shape}, axes {image.axes}YX by the file, and that is not sure: "
            f"{image.doubt}. Which axes are they?",
            tuple(_answers(image)),
        ),
    )
    return _answers(image)[0][:-2]


def _answers(image: FoundImage) -> list[str]:
    """Answers that make a movie of it first."""
    letters = itertools.permutations(LETTERS, len(image.sizes))
    ranked = sorted(map("".join, letters), key=lambda text: ("T" not in text, "Z" in text))
    return [f"{text}YX" for text in ranked] or ["YX"]


def _given_letters(image: FoundImage, axes: str) -> str:
    letters = axes.upper().removesuffix("YX")
    fits = len(letters) == len(image.sizes) and axes.upper().endswith("YX")
    known = set(letters) <= set(LETTERS) and len(set(letters)) == len(letters)
    if not fits or not known:
        shape = " x ".join(map(str, (*image.sizes, *image.plane_shape)))
        raise _refused(
            "axes",
            f"{image.name}: {axes!r} does not fit the shape {shape}.",
            f"Give one letter an axis, T, C, Z once each, and YX at the end, such as "
            f"{choices(_answers(image)[:4])}.",
        )
    return letters


def _laid_out(
    name: str, image: FoundImage, letters: str, gaps: Gaps | None, questions: dict[str, Question]
) -> tuple[PlannedFov, list[Problem]]:
    """Frames of a FOV, with those that are not there; and what is said of them."""
    size_of = dict(zip(letters, image.sizes, strict=True))
    n_frames, n_channels, n_slices = (size_of.get(letter, 1) for letter in LETTERS)
    at_t = letters.find("T")
    frames: list[int | None] = list(range(n_frames))
    told: list[Problem] = []
    numbers = image.t_numbers
    absent = absent_numbers(numbers) if len(numbers) == n_frames > 1 else []
    if numbers and (numbers[0] != 0 or step_of(numbers) != 1):
        told.append(_numbered(name, image, numbers))
    lacking = sorted({index[at_t] for index in image.missing} if at_t >= 0 else set())
    words = [
        f"{counted(len(absent), 'number')} of frames missing among "
        f"{numbers[0]} to {numbers[-1]}: {choices(absent)}"
        if absent
        else "",
        f"{counted(len(image.missing), 'plane')} of {math.prod(image.sizes):,} not there, in "
        f"{counted(len(lacking), 'frame')}: {choices(lacking)}"
        if image.missing
        else "",
        image.cut_off,
    ]
    text = "; ".join(word for word in words if word)
    if text:
        what = f"{image.name}: {text}"
        if gaps is None:
            answers = (
                ("drop",) if image.cut_off and not (absent or image.missing) else ("absent", "drop")
            )
            questions.setdefault(
                "gaps",
                Question("gaps", f"{what}. Leave them absent, or drop the frames?", answers),
            )
        outcome = {
            "absent": "They are left absent.",
            "drop": "Frames that lack one are left out.",
            None: "",
        }[gaps]
        kind = "cut-off" if image.cut_off else "missing-planes"
        told.append(
            Problem(
                kind, f"{what}. {outcome}".strip(), "", "warning", fov=name, file=str(image.path)
            )
        )
    if gaps == "drop":
        frames = [frame for frame in frames if frame not in set(lacking)]
    elif absent:
        at = {number: frame for frame, number in enumerate(numbers)}
        frames = [at.get(number) for number in range(numbers[0], numbers[-1] + 1, step_of(numbers))]
    if not frames:
        raise _refused("gaps", f"{image.name}: no frame is whole.", "Copy the files again.")
    shape = (len(frames), n_channels, n_slices, *image.plane_shape)
    return PlannedFov(name, image, letters, tuple(frames), shape), told


def _numbered(name: str, image: FoundImage, numbers: Sequence[int]) -> Problem:
    step = step_of(numbers)
    by = f", by {step}" if step > 1 else ""
    return Problem(
        "frame-numbers",
        f"{image.name}: its names number frames from {numbers[0]}{by}; here they are 0, 1, 2, …",
        f"A table that counts as the names do is placed with --first-frame {numbers[0]}, or "
        f"track_transform: {{first_frame: {numbers[0]}}} in the config."
        if step == 1
        else "A table must count frames, and not as the names do.",
        "note",
        fov=name,
        file=str(image.path),
    )


def _refuse_unlike(fovs: Sequence[PlannedFov]) -> None:
    first = fovs[0]
    for fov in fovs[1:]:
        if fov.shape[1] != first.shape[1] or fov.image.dtype != first.image.dtype:
            raise _refused(
                "sources",
                f"{fov.image.name} has {counted(fov.shape[1], 'channel')} of {fov.image.dtype}, "
                f"{first.image.name} {counted(first.shape[1], 'channel')} of {first.image.dtype}: "
                "they are no FOVs of one plate.",
                "Import them into plates of their own.",
            )


def _channels(
    images: Sequence[FoundImage],
    n_channels: int,
    given: Sequence[str],
    questions: dict[str, Question],
) -> tuple[str | None, ...]:
    if given and len(given) != n_channels:
        raise _refused(
            "channel_names",
            f"{counted(len(given), 'name')} for {counted(n_channels, 'channel')}: "
            f"{choices(given)}.",
            "Name each channel once, in the files' order.",
        )
    known = tuple(given) or images[0].channel_names[:n_channels]
    names = known + (None,) * (n_channels - len(known))
    if not given:
        for image in images[1:]:
            if image.channel_names[:n_channels] != images[0].channel_names[:n_channels]:
                questions.setdefault(
                    "channel_names",
                    Question(
                        "channel_names",
                        f"{image.name} calls its channels {choices(image.channel_names)}, and "
                        f"{images[0].name} {choices(images[0].channel_names)}. What are they?",
                    ),
                )
    labels = [name for name in names if name is not None]
    if len(set(labels)) < len(labels):
        if given:
            raise _refused("channel_names", f"two channels have one name: {choices(labels)}.")
        questions.setdefault(
            "channel_names",
            Question("channel_names", f"channels share a name: {choices(labels)}. What are they?"),
        )
    return names


def _pixel_size(
    fovs: Sequence[PlannedFov], given: Sequence[float]
) -> tuple[float | None, float | None, float | None]:
    own = fovs[0].image.pixel_size_um
    if not given:
        return own
    if len(given) > 3 or not all(0 < size < math.inf for size in given):
        raise _refused(
            "pixel_size_um", f"{choices(given)}: one, two or three sizes above 0 are expected."
        )
    if len(given) == 1:
        return own[0], given[0], given[0]
    z = given[0] if len(given) == 3 else own[0]
    return z, given[-2], given[-1]


def _unlike_facts(fovs: Sequence[PlannedFov]) -> Iterator[Problem]:
    """Say where files tell other sizes and intervals than the first one's."""
    first = fovs[0].image
    for word, values in (
        ("pixel sizes", [fov.image.pixel_size_um for fov in fovs]),
        ("intervals", [fov.image.interval_minutes for fov in fovs]),
    ):
        other = [fov.name for fov, value in zip(fovs, values, strict=True) if value != values[0]]
        if other:
            yield Problem(
                "unlike-facts",
                f"{counted(len(other), 'FOV')} say other {word} than {first.name}, whose count for "
                f"the plate: {choices(other)}.",
                "Import them into plates of their own, if they are of another microscope or pace.",
                "warning",
                count=len(other),
                fovs=tuple(other),
            )
