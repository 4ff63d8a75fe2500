"""The command that gives mended tracks back to those who track: tracks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lineage_triplets.cli import common
from lineage_triplets.cli.common import Decisions, opened, terminal
from lineage_triplets.engine.errors import counted
from lineage_triplets.engine.files import refuse_folder


def tracks(
    config: common.Config,
    out: Annotated[Path, typer.Option("--out", "-o", help="The new folder for the files.")],
    format_: Annotated[str, typer.Option("--format", help="csv, geff, ctc or trackmate.")] = "csv",
    keep_rejected: Annotated[
        bool, typer.Option("--keep-rejected", help="Write what was rejected too.")
    ] = False,
    decisions: Decisions = None,
    path_map: common.PathMap = None,
) -> None:
    """Write the tracks as decisions leave them, for trackers: one file a FOV."""
    from lineage_triplets.qc.export.tracks.write import TRACKS_FORMATS, write_tracks

    if format_ not in TRACKS_FORMATS:
        raise typer.BadParameter(
            f"{format_!r} is none of {', '.join(TRACKS_FORMATS)}", param_hint="--format"
        )
    refuse_folder(out)
    with (
        opened(config, decisions=decisions, read_only=True, path_map=path_map) as review,
        terminal(stderr=True).status("Writing tracks"),
    ):
        written = write_tracks(review, out, format_, keep_rejected=keep_rejected)
    console = terminal()
    for note in written.notes:
        console.print(note, style="yellow", soft_wrap=True)
    console.print(
        f"wrote {counted(written.n_cells, 'cell')} of {counted(written.n_tracks, 'track')} "
        f"({written.n_new_ids} with a new id) into {counted(len(written.files), 'table')} "
        f"below {out}",
        soft_wrap=True,
    )
    console.print(
        f"wrote {out / written.origin.name}: which track of the tables is now which",
        soft_wrap=True,
    )
