"""What is simulated: experiments, the faults planted in them, and what came out."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

from lineage_triplets.engine.errors import ConfigError, Problem, choices

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Stain = Literal["nuclei", "phase", "reporter"]
OmeVersion = Literal["0.4", "0.5"]
Chunking = Literal["plane", "stack", "tiles", "shards"]

STAINS: dict[str, Stain] = {
    "Phase": "phase",
    "H2B-GFP": "nuclei",
    "Virus-mCherry": "reporter",
}


@dataclass(frozen=True)
class SimulatedExperiment:
    """One plate to simulate.

    Attributes
    ----------
    name : str
        Names the plate's folder, the tables' folder and the entry in ``experiments.yml``.
    wells : dict of str to list of str
        Condition to its wells. The first condition is the control; the reporter rises in the
        wells of the others, from some hours post infection on.
    fovs_per_well : int
    n_frames : int
    shape : (int, int)
        Rows and columns of a FOV, in pixels.
    n_z : int
        Slices.
    interval_minutes, start_hpi : float
        Time between frames, and hours post infection of frame 0. Cells live by hours, not frames.
    channel_order : tuple of str
        Labels of the channels as the store has them.
    source_channel : tuple of str
        The labels in slot order.
    stains : dict of str to {"nuclei", "phase", "reporter"}
        What a label shows; needed for labels that are not in `STAINS`.
    ome_version : {"0.4", "0.5"}
        OME-Zarr 0.4 is zarr v2 with blosc, 0.5 is zarr v3 with zstd.
    chunking : {"plane", "stack", "tiles", "shards"}
        One (y, x) plane, all slices, or 256 x 256 tiles in a chunk; "shards" are tiles inside one
        shard a stack (0.5 only).
    n_cells : int
        Cells in the FOV at frame 0, about.
    pixel_size_um, z_step_um : float
    cycle_hours : float
        Mean time from division to division.
    normalization : bool
        Whether the FOVs' attributes have ``normalization`` statistics.
    """

    name: str
    wells: Mapping[str, Sequence[str]] = field(default_factory=lambda: {"untreated": ["A/1"]})
    fovs_per_well: int = 1
    n_frames: int = 24
    shape: tuple[int, int] = (256, 256)
    n_z: int = 1
    interval_minutes: float = 15.0
    start_hpi: float = 0.0
    channel_order: tuple[str, ...] = ("Phase", "H2B-GFP")
    source_channel: tuple[str, ...] = ("Phase", "H2B-GFP")
    stains: Mapping[str, Stain] = field(default_factory=dict)
    ome_version: OmeVersion = "0.4"
    chunking: Chunking = "plane"
    n_cells: int = 12
    pixel_size_um: float = 0.5
    z_step_um: float = 2.0
    cycle_hours: float = 14.0
    normalization: bool = False

    def __post_init__(self) -> None:
        unknown = [label for label in self.channel_order if self._stain(label) is None]
        if unknown:
            raise self._fault(
                "stains",
                f"nothing says what the channels {choices(unknown)} show.",
                f"Give stains={{label: 'nuclei' | 'phase' | 'reporter'}}; "
                f"known: {choices(STAINS)}.",
            )
        absent = [label for label in self.source_channel if label not in self.channel_order]
        if absent:
            raise self._fault(
                "source_channel",
                f"{choices(absent)} is not among the channels.",
                f"Choose from {choices(self.channel_order)}.",
            )
        for name in (
            "fovs_per_well",
            "n_frames",
            "n_z",
            "interval_minutes",
            "pixel_size_um",
            "z_step_um",
            "cycle_hours",
        ):
            if not getattr(self, name) > 0:
                raise self._fault(
                    name, f"it is {getattr(self, name)}.", "Give a number above zero."
                )
        if min(self.shape) < 1 or self.n_cells < 0:
            raise self._fault("shape", "there is no room, or less than no cells.", "Give more.")
        if not self.fovs:
            raise self._fault("wells", "there are no wells.", "Give {condition: [well]}.")
        if self.chunking == "shards" and self.ome_version == "0.4":
            raise self._fault("chunking", "zarr v2 has no shards.", "Choose ome_version='0.5'.")

    @property
    def fovs(self) -> dict[str, str]:
        """FOV name (``"A/1/0"``) to its condition, in the plate's order."""
        return {
            f"{well}/{number}": condition
            for condition, wells in self.wells.items()
            for well in wells
            for number in range(self.fovs_per_well)
        }

    @property
    def image_shape(self) -> tuple[int, int, int, int, int]:
        """Shape of a FOV's image, (T, C, Z, Y, X)."""
        return (self.n_frames, len(self.channel_order), self.n_z, *self.shape)

    @property
    def stain_order(self) -> tuple[Stain, ...]:
        """What each channel of the store shows, by its label."""
        stains = (self._stain(label) for label in self.channel_order)
        return tuple(stain for stain in stains if stain is not None)

    def _stain(self, label: str) -> Stain | None:
        return self.stains.get(label) or STAINS.get(label)

    def _fault(self, name: str, message: str, remedy: str) -> ConfigError:
        return ConfigError(
            Problem("bad-simulation", message, remedy, experiment=self.name, field=name)
        )


@dataclass(frozen=True)
class Faults:
    """What to plant. Counts are for each FOV; a float below 1 is a share of what there is to spoil.

    Attributes
    ----------
    swapped_channels : tuple of str
        Experiments whose store has the channels of slots 0 and 1 exchanged, under unchanged labels.
    swapped_gain, swapped_offset : float
        Those experiments' pixels are multiplied by the one, and get the other added.
    identity_swaps : int or float
        Two neighbours exchange their tracks from some frame on. Share of tracks.
    wrong_daughters : int or float
        A mother is linked to a neighbour in place of her daughter. Share of divisions.
    missed_divisions : int or float
        Daughters that are roots. Share of divisions.
    duplicated_tracks : int or float
        Tracks that are there twice. Share of tracks.
    blank_frames, repeated_frames : int or float
        Frames whose pixels are all zero, or those of the frame before. Share of frames. The
        tables are as if the frame were good.
    wrong_intervals : dict of str to float
        Experiment to the ``interval_minutes`` that ``experiments.yml`` says.
    """

    swapped_channels: tuple[str, ...] = ()
    swapped_gain: float = 1.0
    swapped_offset: float = 0.0
    identity_swaps: int | float = 0
    wrong_daughters: int | float = 0
    missed_divisions: int | float = 0
    duplicated_tracks: int | float = 0
    blank_frames: int | float = 0
    repeated_frames: int | float = 0
    wrong_intervals: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for setting in fields(self):
            value = getattr(self, setting.name)
            if setting.name.startswith("swapped_") or not isinstance(value, int | float):
                continue
            if value < 0 or (isinstance(value, float) and value > 1):
                raise ConfigError(
                    Problem(
                        "bad-simulation",
                        f"it is {value}.",
                        "Give a whole number, or a share from 0.0 to 1.0.",
                        field=setting.name,
                    )
                )

    def check_names(self, experiments: Sequence[SimulatedExperiment]) -> None:
        """Raise ConfigError where a fault names an experiment that is not simulated."""
        known = [experiment.name for experiment in experiments]
        unknown = sorted({*self.swapped_channels, *self.wrong_intervals} - set(known))
        if unknown:
            raise ConfigError(
                Problem(
                    "unknown-experiment",
                    f"faults name {choices(unknown)}.",
                    f"Choose from {choices(known)}.",
                )
            )


@dataclass(frozen=True)
class PlantedFault:
    """One fault that was planted.

    Attributes
    ----------
    kind : str
        "swapped-channels", "identity-swap", "wrong-daughter", "missed-division",
        "duplicated-track", "blank-frame", "repeated-frame" or "wrong-interval".
    experiment, fov : str
        Where; the FOV is empty if the whole experiment has it.
    track_ids : tuple of int
        Identity swap: both tracks. Wrong daughter: mother, the daughter's track, the neighbour's.
        Missed division: mother, daughters. Duplicated track: the track, its copy.
    frames : tuple of int
        First frame that is wrong, or the frames that are.
    detail : str
        In words.
    """

    kind: str
    experiment: str
    fov: str = ""
    track_ids: tuple[int, ...] = ()
    frames: tuple[int, ...] = ()
    detail: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as ``planted.json`` has them."""
        return asdict(self)


@dataclass(frozen=True)
class Simulation:
    """What `simulate` wrote.

    Attributes
    ----------
    config_path : Path
        The ``experiments.yml``.
    experiments : tuple of SimulatedExperiment
    planted : tuple of PlantedFault
    truth_path : Path or None
        Folder with the true tables, ``{experiment}_tracks/{row}/{col}/{fov}/tracks.csv``; None if
        no faults were asked for, since the tables given are then the true ones.
    """

    config_path: Path
    experiments: tuple[SimulatedExperiment, ...]
    planted: tuple[PlantedFault, ...] = ()
    truth_path: Path | None = None


SAMPLE: tuple[SimulatedExperiment, ...] = (
    SimulatedExperiment(
        "fast",
        {"untreated": ["A/1"], "treated": ["B/2"]},
        n_frames=42,
        shape=(352, 368),
        interval_minutes=10,
        start_hpi=4,
        channel_order=("Phase", "H2B-GFP"),
        n_cells=16,
    ),
    SimulatedExperiment(
        "reporter",
        {"untreated": ["A/1"], "treated": ["A/2"]},
        n_frames=28,
        shape=(288, 288),
        interval_minutes=15,
        start_hpi=3,
        channel_order=("Virus-mCherry", "H2B-GFP", "Phase"),
        ome_version="0.5",
        chunking="tiles",
        n_cells=14,
        normalization=True,
    ),
    SimulatedExperiment(
        "slow",
        {"untreated": ["C/3"], "treated": ["D/4"]},
        n_frames=22,
        shape=(288, 320),
        interval_minutes=30,
        channel_order=("H2B-GFP", "Phase"),
        ome_version="0.5",
        chunking="shards",
        n_cells=10,
    ),
)
"""The built-in sample: the same two slots in three channel orders, at 10, 15 and 30 minutes."""

SAMPLE_FAULTS = Faults(
    swapped_channels=("slow",),
    swapped_gain=0.7,
    swapped_offset=40.0,
    identity_swaps=1,
    wrong_daughters=1,
    missed_divisions=1,
    duplicated_tracks=1,
    blank_frames=1,
    repeated_frames=1,
    wrong_intervals={"fast": 20.0},
)
"""Faults for the sample: a few of each kind in every FOV."""
