"""The whole example: movies or a config, a split, training, a judgement, and the files of it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import torch

from lineage_triplets.engine.dataset.dataset import MultiExperimentTripletDataset
from lineage_triplets.engine.errors import ConfigError, Problem, choices, shown
from lineage_triplets.engine.files import refuse_existing, whole_files
from lineage_triplets.training.example.run import Judged, judge, new_encoder, train_encoder
from lineage_triplets.training.example.sample import HELD_OUT, write_sample
from lineage_triplets.training.example.sheet import draw_found
from lineage_triplets.training.plan.epoch import Order
from lineage_triplets.training.split import split_anchors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lineage_triplets.training.split import SplitBy
    from lineage_triplets.training.transforms import Normalize

    Progress = Callable[[str, int, int], None]

EPOCHS = 8
RESULT, WEIGHTS, SHEET = "result.json", "encoder.pt", "found.png"


@dataclass(frozen=True, eq=False)
class Demo:
    """What the example came to.

    Attributes
    ----------
    config_path : Path
        What was trained on.
    split_words : str
    losses : list of float
        Mean of each epoch.
    untrained, trained : Judged
        The same encoder before and after.
    files : dict of str to Path
        ``"result"``, ``"weights"`` and ``"picture"``.
    """

    config_path: Path
    split_words: str
    losses: list[float]
    untrained: Judged
    trained: Judged
    files: dict[str, Path]


def train_demo(
    config: str | Path | None,
    out: str | Path,
    *,
    epochs: int = EPOCHS,
    seed: int = 0,
    order: Order = "near",
    split_by: SplitBy | None = None,
    val: float | Sequence[str] | None = None,
    normalize: Normalize | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Demo:
    """Train a small contrastive encoder on the CPU, and judge it on lineages that were held out.

    Parameters
    ----------
    config : str, Path or None
        What to train on; None simulates movies into ``out/sample``.
    out : str or Path
        Folder of the result: what was reached as JSON, the encoder's weights, a picture.
    epochs : int
    seed : int
        Of pairs, order, augmentation and weights. The same seed, config and number of torch's
        threads give the same encoder.
    order : {"near", "random"}
        As of `TripletBatchSampler`.
    split_by, val
        As of `split_anchors`: by default a quarter of the lineages is held out, and of simulated
        movies one of two FOVs of each condition.
    normalize : str, optional
        As of `BatchTransform`: by default by each patch, and simulated movies by FOV.
    overwrite : bool
        Whether what is there may be replaced.
    progress : callable, optional
        Gets what is being done, how much of it is, and of how much.

    Raises
    ------
    ConfigError, TrackTableError, StoreError, NoAnchorsError
        Arguments that cannot be; a config or data that cannot be used.
    OutputExistsError
        There is a result already, and `overwrite` is false.
    """
    if epochs < 1:
        raise _refused("epochs", f"{epochs} epochs teach nothing.", "Give 1 or more.")
    if order not in get_args(Order):
        raise _refused(
            "order", f"there is no order {shown(order)}.", f"Of: {choices(get_args(Order))}."
        )
    said = progress or (lambda *_: None)
    folder = Path(out)
    files = {"result": folder / RESULT, "weights": folder / WEIGHTS, "picture": folder / SHEET}
    for file in files.values():
        refuse_existing(file, overwrite)
    if config is None:
        path = write_sample(
            folder / "sample",
            seed=seed,
            overwrite=overwrite,
            progress=lambda done, total: said("Simulating movies", done, total),
        )
        split_by, val = split_by or "fov", HELD_OUT if val is None else val
        normalize = normalize or "fov_statistics"
    else:
        path = Path(config)
    split_by, normalize = split_by or "lineage", normalize or "patch"
    start = time.perf_counter()
    dataset = MultiExperimentTripletDataset.from_config(path, seed=seed)
    split = split_anchors(dataset.index, split_by, val=0.25 if val is None else val, seed=seed)
    before = judge(new_encoder(dataset, seed), dataset, split, normalize=normalize, seed=seed)
    made = train_encoder(
        dataset,
        split.train,
        epochs=epochs,
        seed=seed,
        order=order,
        normalize=normalize,
        progress=lambda done, total, loss: said(f"Training, loss {loss:.2f}", done, total),
    )
    after = judge(made.encoder, dataset, split, normalize=normalize, seed=seed)
    result: dict[str, Any] = {
        "config": str(path),
        "seed": seed,
        "order": order,
        "normalize": normalize,
        "split": split.words,
        "losses": [round(loss, 4) for loss in made.losses],
        "untrained": before.as_dict(),
        "trained": after.as_dict(),
        "seconds": round(time.perf_counter() - start, 1),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
    picture = draw_found(dataset, after, seed)
    with whole_files(list(files.values()), overwrite=overwrite) as new:
        torch.save(made.encoder.state_dict(), new[files["weights"]])
        picture.save(new[files["picture"]])
        text = json.dumps(result, indent=2) + "\n"
        new[files["result"]].write_text(text, encoding="utf-8")
    return Demo(path, split.words, made.losses, before, after, files)


def _refused(field: str, message: str, remedy: str) -> ConfigError:
    return ConfigError(Problem("bad-value", message, remedy, field=field))
