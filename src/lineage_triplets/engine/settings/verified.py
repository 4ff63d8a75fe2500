"""What a config says of itself: who validated it, for which data, and how its pairs are known."""

from __future__ import annotations

from typing import Any

from lineage_triplets.engine.settings.values import Number, StrictModel, Text


class Fingerprint(StrictModel):
    """Hashes of what one experiment's pairs depend on.

    Attributes
    ----------
    images : str
        Axes, shape, dtype, codecs and levels of every FOV read.
    channels : str
        Channel labels of every FOV read.
    tables : str
        Bytes of every track table read.
    pixels : str
        32 seeded patches.
    fovs : int
        How many FOVs were read.
    """

    images: Text
    channels: Text
    tables: Text
    pixels: Text
    fovs: int


class SampleBefore(StrictModel):
    """A sample of pairs that was judged before, of what pairs were drawn from then."""

    planned: int
    judged: int
    wrong: int
    cannot_tell: int


class Audit(StrictModel):
    """What is known about the share of wrong pairs of one experiment.

    Attributes
    ----------
    without : str
        Why the experiment was let through although its audit does not reach what was asked for;
        empty if it does.
    max_wrong : float
        The bound that was asked for.
    bound : float or None
        At most this share of pairs is wrong, with `confidence`: exact (Clopper and Pearson) for the
        pairs that the config draws; None where no sample was judged to its end.
    confidence : float
    planned, judged, wrong, cannot_tell : int
        Pairs of the sample; those that nobody could tell count as wrong in the bound.
    disagreements, changed : int
        Pairs about which people differ, where the worse answer counts; answers that were replaced.
    anchors : int
        How many valid anchors there were to draw.
    population : str
        Hash of what was drawn from.
    seed : int or None
        What the sample was drawn with; it follows from the population.
    by : list of str
    at : str
        When the last answer was given.
    samples_before : list of SampleBefore
        Of what pairs were drawn from before something was mended or rejected.
    """

    without: Text = ""
    max_wrong: Number = 0.05
    bound: Number | None = None
    confidence: Number = 0.95
    planned: int = 0
    judged: int = 0
    wrong: int = 0
    cannot_tell: int = 0
    disagreements: int = 0
    changed: int = 0
    anchors: int = 0
    population: Text = ""
    seed: int | None = None
    by: list[Text] = []
    at: Text = ""
    samples_before: list[SampleBefore] = []


class ImagesScanned(StrictModel):
    """How many FOVs of one experiment had their images scanned.

    Attributes
    ----------
    scanned, fovs : int
    without : str
        Why the others were not; empty if all were.
    """

    scanned: int
    fovs: int
    without: Text = ""


class Verification(StrictModel):
    """Who validated this config, when, against which data.

    Attributes
    ----------
    validated : bool
        False marks a draft.
    by, at, program_version : str
    channel_approvals : dict
        Experiment to who approved which channel in which slot.
    divisions_seen : dict
        Experiment to who looked at how many pairs across a division, and how: "judged" one by one,
        "attested" by somebody, or "painted" on screen, which settles nothing.
    pairs_judged : dict
        Experiment to how many pairs somebody judged where they are, with what verdicts, and how
        many of those wrong are still drawn.
    audit : dict of str to Audit
        By experiment; empty in a config that was validated before audits were asked for.
    images_scanned : dict of str to ImagesScanned
    config_hash : str
        Hash over experiments (without paths), dataset, exclude, cut and link; and over `validated`,
        `audit` and `images_scanned`, where these are given.
    fingerprints : dict of str to Fingerprint
    counts : dict
        What was seen, per experiment.
    """

    validated: bool = False
    by: Text = ""
    at: Text = ""
    program_version: Text = ""
    channel_approvals: dict[Text, dict[Text, Any]] = {}
    divisions_seen: dict[Text, dict[Text, Any]] = {}
    pairs_judged: dict[Text, dict[Text, Any]] = {}
    audit: dict[Text, Audit] = {}
    images_scanned: dict[Text, ImagesScanned] = {}
    config_hash: Text = ""
    fingerprints: dict[Text, Fingerprint] = {}
    counts: dict[Text, dict[Text, int]] = {}
