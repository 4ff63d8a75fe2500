"""What a config file says: experiments, dataset, exclusions, cuts, links, verification.

Models are frozen and refuse unknown keys. Reading and writing the YAML is in ``file.py``.
"""

from __future__ import annotations

import math
import re
from typing import Annotated, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    PrivateAttr,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from lineage_triplets.engine.settings.track_reading import TrackReading
from lineage_triplets.engine.settings.track_transform import TrackTransform
from lineage_triplets.engine.settings.values import (
    Count,
    FiniteNumber,
    Name,
    Number,
    PositiveCount,
    StrictModel,
    Text,
    WholeNumber,
    no_flag,
)
from lineage_triplets.engine.settings.verified import Verification

FORMAT = "lineage-triplets/1"

PositiveRelation = Literal["lineage", "descendant", "same_track"]
MatchColumn = Literal["experiment", "condition", "well_name", "fov_name", "fluorescence_channel"]
TauFallback = Literal["scan", "renormalize"]
ZCentre = Literal["cell", "fov_focus", "frame_focus"]
NegativeFrom = Literal["experiment", "fov"]
Border = Literal["clamp", "pad", "exclude"]
MissingChunks = Literal["warn", "error", "fill"]
ReadStrategyName = Literal["auto", "blosc-blocks", "tensorstore"]
DtypeName = Literal["float32", "float64", "uint8", "uint16", "uint32", "int8", "int16", "int32"]


SliceSpan = tuple[Count, Count]

_Z_RANGE = (
    "z_range is how many slices around each cell, or [first, one after last], or that for each "
    "experiment"
)


class ExperimentConfig(StrictModel):
    """One plate, its tracks, and what is known about them.

    Attributes
    ----------
    name : str
        Unique among the experiments; part of every ``global_track_id``.
    data_path, tracks_path : str
        OME-Zarr plate (or one image), and the folder of its track tables; where there is one FOV,
        also its table itself, a file or folder as a tracker wrote it.
    channel_names : list of str
        All channels in the store, in the store's order.
    source_channel : list of str
        The channels for the model, one a slot.
    condition_wells : dict of str to list of str
        Condition to the wells (``"A/1"``) that got it.
    interval_minutes : float
        Time between frames.
    start_hpi : float
        Hours post infection (or perturbation) of frame 0.
    organelle, date : str
        Free text.
    moi : float
        Multiplicity of infection.
    tracks : TrackReading or None
        How the tables are read where their content does not say it: their format, and which of
        their columns is which. One that says nothing is read as None.
    track_transform : TrackTransform or None
        Where the tables' frames and positions are in the images. None where they are as written;
        one that changes nothing is read as None.
    labels_path : str or None
        Masks of the cells, for people and checks: as `tracks_path`, a folder with those of each
        FOV; where there is one FOV, also they themselves.
    labels_name : str or None
        Which labels, where the images have several.

    Examples
    --------
    >>> from lineage_triplets import ExperimentConfig
    >>> experiment = ExperimentConfig(
    ...     name="fast",
    ...     data_path="fast.zarr",
    ...     tracks_path="fast_tracks",
    ...     channel_names=["Phase", "GFP"],
    ...     source_channel=["GFP"],
    ...     condition_wells={"untreated": ["A/1"], "treated": ["B/2"]},
    ...     interval_minutes=10,
    ... )
    >>> experiment.start_hpi
    0.0
    """

    name: Name
    data_path: Name
    tracks_path: Name
    channel_names: list[Text]
    source_channel: list[Text]
    condition_wells: dict[Text, list[Text]]
    interval_minutes: Number = 30.0
    start_hpi: FiniteNumber = 0.0
    organelle: Text = ""
    date: Text = ""
    moi: FiniteNumber = 0.0
    tracks: TrackReading | None = None
    track_transform: TrackTransform | None = None
    labels_path: Name | None = None
    labels_name: Name | None = None

    _written: dict[str, str] | None = PrivateAttr(default=None)

    @field_validator("name")
    @classmethod
    def _no_separator(cls, name: str) -> str:
        if "/" in name or name != name.strip():
            raise ValueError("a name has no '/' and no blanks around it")
        return name

    @field_validator("tracks")
    @classmethod
    def _none_if_nothing_said(cls, reading: TrackReading | None) -> TrackReading | None:
        return None if reading == TrackReading() else reading

    @field_validator("track_transform")
    @classmethod
    def _none_if_nothing_changes(cls, transform: TrackTransform | None) -> TrackTransform | None:
        return None if transform == TrackTransform() else transform


class DatasetConfig(StrictModel):
    """How pairs are drawn and patches are read; keys are the arguments' names.

    The description of each field says what it means, and the manual does at length (Config keys).

    Examples
    --------
    >>> from lineage_triplets import DatasetConfig
    >>> DatasetConfig(yx_patch_size=(96, 96), tau_range_hours=(0.5, 3)).positive_relation
    'lineage'
    """

    z_range: PositiveCount | SliceSpan | dict[Text, SliceSpan] = Field(
        1,
        description="Number of slices around each cell; or [first, one after last]",
    )
    z_centre: ZCentre = Field("cell", description="What a number of slices is taken around")
    yx_patch_size: tuple[PositiveCount, PositiveCount] = Field(
        (160, 160), description="Rows and columns of a patch, in pixels"
    )
    tau_range_hours: tuple[Number, Number] = Field(
        (0.5, 2.0), description="Least and largest time from anchor to positive, in hours"
    )
    tau_decay_rate: FiniteNumber = Field(2.0, description="Decay of the law of tau; 0 is uniform")
    positive_relation: PositiveRelation = Field("lineage", description="Who may be a positive")
    positive_match: Annotated[list[MatchColumn], Field(min_length=1)] | None = Field(
        None,
        description="Columns that are equal in anchor and positive, in place of lineage and tau",
    )
    tau_fallback: TauFallback = Field(
        "scan", description="What happens where the lineage has nobody at the drawn tau"
    )
    border: Border = Field("clamp", description="Cells whose patch does not fit into the image")
    return_negative: bool = Field(False, description="Whether batches have negatives")
    negative_from: NegativeFrom = Field("experiment", description="Where negatives come from")
    dtype: DtypeName = Field("float32", description="Data type of the patches")
    seed: Annotated[int, Field(ge=0, lt=2**64), BeforeValidator(no_flag)] | None = Field(
        None, description="With a number, pairs depend on (seed, epoch, anchor) alone"
    )
    missing_chunks: MissingChunks = Field("warn", description="A chunk that is absent in the store")
    cache_pool_bytes: Annotated[WholeNumber, Field(ge=0)] | None = Field(
        None, description="Memory for decoded chunks, in each process"
    )
    read_strategy: ReadStrategyName = Field("auto", description="How pixels are read")
    include_wells: list[Text] | dict[Text, list[Text]] | None = Field(
        None, description="Wells to take"
    )
    exclude_fovs: list[Text] | dict[Text, list[Text]] | None = Field(
        None, description="FOVs to leave out"
    )
    slot_labels: list[Name] | None = Field(None, description="Names of the slots, for people")
    statistics_path: Name | None = Field(
        None, description="Folder of the statistics for normalization"
    )

    _written: tuple[str, str, str] | None = PrivateAttr(default=None)

    @field_validator("z_range", mode="before")
    @classmethod
    def _slices(cls, value: object) -> object:
        if isinstance(value, dict):
            return {name: cls._slices(z_range) for name, z_range in value.items()}
        if isinstance(value, bool) or not isinstance(value, int | slice | list | tuple):
            raise ValueError(_Z_RANGE)
        if isinstance(value, list | tuple) and (
            len(value) != 2 or not all(isinstance(bound, int) and bound >= 0 for bound in value)
        ):
            raise ValueError(_Z_RANGE)
        if isinstance(value, slice):
            if value.step not in (None, 1) or value.stop is None:
                raise ValueError("a z slice has a stop, and no step but 1")
            return (value.start or 0, value.stop)
        return value

    @field_validator("z_range")
    @classmethod
    def _depths(cls, value: int | SliceSpan | dict[str, SliceSpan]) -> object:
        if isinstance(value, int):
            return value
        spans = value if isinstance(value, dict) else {"": value}
        if not spans or any(stop <= start for start, stop in spans.values()):
            raise ValueError("each z range is (first, one after last), at least one slice deep")
        if len({stop - start for start, stop in spans.values()}) > 1:
            raise ValueError("the z ranges of all experiments are equally deep")
        return value

    @field_validator("positive_match")
    @classmethod
    def _one_law(
        cls, value: list[MatchColumn] | None, known: ValidationInfo
    ) -> list[MatchColumn] | None:
        relation = known.data.get("positive_relation", "lineage")
        if value is not None and relation != "lineage":
            raise ValueError(
                f"positives by equal columns are of no lineage: leave out positive_relation, found "
                f"{relation!r}"
            )
        return value

    @field_validator("z_centre")
    @classmethod
    def _one_place(cls, value: ZCentre, known: ValidationInfo) -> ZCentre:
        if value != "cell" and not isinstance(known.data.get("z_range", 1), int):
            raise ValueError("slices around the focus are a number: let z_range be one")
        return value

    @field_validator("tau_range_hours")
    @classmethod
    def _ordered(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not all(map(math.isfinite, value)) or not 0 <= value[0] <= value[1]:
            raise ValueError("tau_range_hours is (min, max) with 0 <= min <= max")
        return value


class WellExclusion(StrictModel):
    """A well that nothing is taken from."""

    experiment: Name
    well: Name
    reason: Text = ""


class FovExclusion(StrictModel):
    """A FOV that nothing is taken from."""

    experiment: Name
    fov: Name
    reason: Text = ""


class FrameExclusion(StrictModel):
    """Frames of a FOV that nothing is taken from."""

    experiment: Name
    fov: Name
    frames: list[WholeNumber]
    reason: Text = ""


class LineageExclusion(StrictModel):
    """A lineage that nothing is taken from."""

    lineage_id: Name
    reason: Text = ""


class TrackExclusion(StrictModel):
    """A track that nothing is taken from; its lineage goes on without it."""

    global_track_id: Name
    reason: Text = ""


class ObservationExclusion(StrictModel):
    """One cell in one frame."""

    global_track_id: Name
    t: WholeNumber
    reason: Text = ""


class Exclusions(StrictModel):
    """What is neither anchor nor positive nor negative, with reasons."""

    wells: list[WellExclusion] = []
    fovs: list[FovExclusion] = []
    frames: list[FrameExclusion] = []
    lineages: list[LineageExclusion] = []
    tracks: list[TrackExclusion] = []
    observations: list[ObservationExclusion] = []


class Cut(StrictModel):
    """A wrong link: to a daughter, or inside a track at a frame.

    Attributes
    ----------
    experiment, fov : str
    track_id : int
        The mother, or the track that is cut.
    daughter : int or None
        The daughter whose link to the mother is cut.
    t : int or None
        First frame after the cut; from there on the track is a root of its own, whose
        ``global_track_id`` ends in ``@{t}``.
    reason : str
    """

    experiment: Name
    fov: Name
    track_id: WholeNumber
    daughter: WholeNumber | None = None
    t: WholeNumber | None = None
    reason: Text = ""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.daughter is None) == (self.t is None):
            raise ValueError("a cut names either the daughter or the frame t, not both")
        return self


class Link(StrictModel):
    """A link that the table lacks: a cell is followed by another one, later in the same FOV.

    Both cells are named as the table names them. A cell that nothing follows once links are cut
    goes on as the other; one that is followed already divides into both.

    Attributes
    ----------
    experiment, fov : str
    track_id, t : int
        The table's track and the frame of the cell that is followed.
    to_track_id, to_t : int
        Of the cell that follows it, which nothing may precede.
    reason : str
    """

    experiment: Name
    fov: Name
    track_id: WholeNumber
    t: WholeNumber
    to_track_id: WholeNumber
    to_t: WholeNumber
    reason: Text = ""

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.to_t <= self.t:
            raise ValueError(f"a link goes forward in time, not from t = {self.t} to {self.to_t}")
        return self


class TripletConfig(StrictModel):
    """Everything that training reads, and the record of who checked it.

    ``format`` and ``dataset`` may be left out on reading, so that a plain list of experiments is
    a config too.

    Examples
    --------
    >>> from lineage_triplets import DatasetConfig, load_config
    >>> config = load_config("experiments.yml")
    >>> smaller = config.model_copy(update={"dataset": DatasetConfig(yx_patch_size=(16, 16))})
    >>> smaller.verification.validated
    False
    """

    format: Annotated[str, StringConstraints(pattern=f"^{re.escape(FORMAT)}$")] = FORMAT
    experiments: list[ExperimentConfig]
    dataset: DatasetConfig = DatasetConfig()
    exclude: Exclusions = Exclusions()
    cut: list[Cut] = []
    link: list[Link] = []
    verification: Verification = Verification()
