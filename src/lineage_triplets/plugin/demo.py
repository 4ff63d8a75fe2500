"""The main job on a simulated sample: from plates to contact sheets, a batch and a draft config."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress
from torch.utils.data import DataLoader

from lineage_triplets import MultiExperimentTripletDataset, __version__, load_config, save_config
from lineage_triplets.engine.draft_export import draft_of
from lineage_triplets.engine.index import MultiExperimentIndex
from lineage_triplets.qc.preview import preview_sheet, sample_pairs
from lineage_triplets.simulate import sample

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_PATCH_SIZE = (96, 96)
_TAU_HOURS = (0.5, 3.0)


def run_demo(folder: Path, console: Console) -> dict[str, Path]:
    """Simulate three experiments and take them through the whole engine.

    Parameters
    ----------
    folder : Path
        Where everything is written; what is there of an earlier run is replaced.
    console : Console
        Where it is said.

    Returns
    -------
    dict of str to Path
        What was written, by what it is.
    """
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("Simulating three experiments", total=None)
        simulation = sample(
            folder / "sample",
            overwrite=True,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    config = load_config(simulation.config_path)
    settings = {"yx_patch_size": _PATCH_SIZE, "tau_range_hours": _TAU_HOURS, "seed": 0}
    config = config.model_copy(update={"dataset": config.dataset.model_copy(update=settings)})
    index = MultiExperimentIndex.from_config(config)
    console.print(index.summary(), highlight=False)

    written = {"the experiments": simulation.config_path}
    written["the draft config"] = folder / "draft.yml"
    save_config(draft_of(config, index, __version__), folder / "draft.yml", overwrite=True)

    dataset = MultiExperimentTripletDataset.from_config(folder / "draft.yml")
    batch = next(iter(DataLoader(dataset, batch_size=32, shuffle=True, collate_fn=_whole_batch)))
    console.print(
        f"A batch from the draft: anchor {tuple(batch['anchor'].shape)}, positive "
        f"{tuple(batch['positive'].shape)}, {batch['anchor'].dtype}",
        highlight=False,
    )
    for name, across in (("pairs", False), ("pairs across divisions", True)):
        pairs = sample_pairs(dataset.source, 6, across_divisions=across)
        path = folder / f"{name.replace(' ', '_')}.png"
        preview_sheet(dataset.source, pairs, f"The sample: {name}").save(path)
        written[f"a contact sheet of {name}"] = path
    return written


def _whole_batch(batch: Any) -> Any:
    return batch


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the demo in the folder that is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("demo"))
    console = Console()
    written = run_demo(parser.parse_args(arguments).folder, console)
    for what, path in written.items():
        console.print(f"{what[0].upper()}{what[1:]}: {path}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
