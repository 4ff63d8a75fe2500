"""Stores that are damaged or closed are said, with experiment, FOV and what to do."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import zarr

from lineage_triplets.engine import PairSource
from lineage_triplets.engine.errors import ChunkError, StoreError
from patches import check, index_of, read_all, table_at
from programs import run
from stores import make_experiment as write_experiment
from stores import numbered_pixels, source_of
from systems import needs_root

if TYPE_CHECKING:
    from lineage_triplets import ExperimentConfig


def chunk_file(experiment: ExperimentConfig, *numbers: int, fov: str = "A/1/0") -> Path:
    return Path(experiment.data_path, fov, "0", *map(str, numbers))


class TestDamage:
    @pytest.fixture
    def one(self, make_experiment):
        pixels = numbered_pixels((4, 2, 1, 40, 48))
        return make_experiment(
            "one",
            {fov: table_at((0, 20, 20), (1, 20, 20), (2, 20, 20)) for fov in ("A/1/0", "A/1/1")},
            pixels=pixels,
        )

    @pytest.mark.parametrize("policy", ["warn", "error", "fill"])
    def test_a_chunk_cut_short(self, one, policy):
        file = chunk_file(one, 1, 1, 0, 0, 0)
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        source = source_of(index_of(one), missing_chunks=policy)
        with pytest.raises(ChunkError) as caught:
            source.read(np.arange(3))
        (problem,) = caught.value.problems
        assert isinstance(caught.value, OSError)
        assert problem.kind == "damaged-chunk"
        assert (problem.experiment, problem.fov) == ("one", "A/1/0")
        assert problem.file == str(Path(one.data_path, "A/1/0/0"))
        assert "1/1/0/0/0" in problem.message
        assert np.array_equal(source.read(np.array([0])), source.read(np.array([3])))

    def test_an_empty_chunk_file(self, one):
        chunk_file(one, 1, 1, 0, 0, 0).write_bytes(b"")
        with pytest.raises(ChunkError, match="1/1/0/0/0"):
            PairSource(index_of(one)).read(np.arange(3))

    def test_an_absent_chunk_warns_once_a_fov_and_is_counted(self, one, caplog):
        for fov in ("A/1/0", "A/1/1"):
            chunk_file(one, 1, 0, 0, 0, 0, fov=fov).unlink()
        chunk_file(one, 2, 1, 0, 0, 0).unlink()
        source = PairSource(index_of(one))
        caplog.clear()
        patches = source.read(np.arange(6))
        source.read(np.arange(6))
        assert len(caplog.records) == 2
        assert all("absent" in one and "fill value" in one for one in caplog.messages)
        assert "experiment 'one', FOV A/1/1" in caplog.messages[1]
        assert "1/0/0/0/0" in caplog.messages[1]
        assert source.reader.missing == {("one", "A/1/0"): 4, ("one", "A/1/1"): 2}
        assert not patches[1, 0].any()
        assert patches[1, 1].all()
        assert not patches[2, 1].any()
        assert patches[0].all()

    def test_an_absent_chunk_is_an_error_when_asked(self, one):
        chunk_file(one, 1, 0, 0, 0, 0).unlink()
        source = source_of(index_of(one), missing_chunks="error")
        with pytest.raises(ChunkError) as caught:
            source.read(np.arange(3))
        (problem,) = caught.value.problems
        assert problem.kind == "missing-chunk"
        assert "1/0/0/0/0" in problem.message
        assert "missing_chunks='fill'" in problem.remedy

    def test_absent_chunks_are_filled_in_silence_when_asked(self, one, caplog):
        chunk_file(one, 1, 0, 0, 0, 0).unlink()
        source = source_of(index_of(one), missing_chunks="fill")
        caplog.clear()
        assert not source.read(np.arange(3))[1, 0].any()
        assert caplog.messages == []

    @pytest.mark.parametrize("policy", ["warn", "error"])
    def test_chunks_absent_from_a_shard_and_from_a_v3_store(self, make_experiment, policy, caplog):
        pixels = numbered_pixels((4, 2, 1, 40, 48))
        pixels[1] = 0
        options = [{}, {"chunks": (1, 1, 1, 8, 8), "shards": (2, 2, 1, 40, 48)}]
        for number, option in enumerate(options):
            one = make_experiment(
                f"e{number}", {"A/1/0": table_at((0, 20, 20), (1, 20, 20))}, pixels=pixels,
                version="0.5", write_empty_chunks=False, **option,
            )  # fmt: skip
            source = source_of(index_of(one), missing_chunks=policy)
            if policy == "error":
                with pytest.raises(ChunkError, match=f"experiment 'e{number}', FOV A/1/0"):
                    source.read(np.arange(2))
            else:
                check(index_of(one), {one.name: pixels}, {one.name: [0, 1]})
                assert f"experiment '{one.name}', FOV A/1/0" in caplog.text

    def test_a_fill_value_that_is_not_zero(self, make_experiment, caplog):
        one = make_experiment("one", {"A/1/0": table_at((0, 20, 20))})
        file = chunk_file(one) / ".zarray"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"fill_value": 7}))
        assert (read_all(index_of(one)) == 7).all()
        assert "fill value" in caplog.text

    def test_the_array_vanished_after_the_index_was_built(self, one):
        index = index_of(one)
        shutil.rmtree(chunk_file(one))
        with pytest.raises(StoreError) as caught:
            read_all(index)
        (problem,) = caught.value.problems
        assert (problem.experiment, problem.fov) == ("one", "A/1/0")
        assert problem.file == str(chunk_file(one))

    def test_the_array_shrank_after_the_index_was_built(self, one):
        index = index_of(one)
        file = chunk_file(one) / ".zarray"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"shape": [4, 2, 1, 40, 20]}))
        with pytest.raises(StoreError, match="experiment 'one', FOV A/1/0"):
            read_all(index)

    def test_an_array_of_large_chunks_shrank_after_the_index_was_built(self, make_experiment):
        shape = (2, 1, 1, 800, 800)
        one = make_experiment("one", {"A/1/0": table_at((0, 20, 700))}, shape=shape, channels=["a"])
        index = index_of(one)
        file = chunk_file(one) / ".zarray"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"shape": [2, 1, 1, 800, 600]}))
        with pytest.raises(StoreError, match="experiment 'one', FOV A/1/0"):
            read_all(index, missing_chunks="fill")

    def test_the_array_lost_an_axis_after_the_index_was_built(self, one):
        index = index_of(one)
        shutil.rmtree(chunk_file(one))
        zarr.create_array(store=str(chunk_file(one)), shape=(4, 40, 48), dtype="u2", zarr_format=2)
        with pytest.raises(StoreError, match="experiment 'one', FOV A/1/0"):
            read_all(index)


@needs_root
class TestPermissions:
    @pytest.fixture
    def one(self):
        """An experiment in a folder that everybody may look into, which pytest's own is not."""
        table = table_at((0, 20, 20), (1, 20, 20), (2, 20, 20))
        with tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(0o755)
            yield write_experiment(
                Path(folder), "one", dict.fromkeys(["A/1/0", "A/1/1"], table),
                pixels=numbered_pixels((4, 2, 1, 40, 48)),
            )  # fmt: skip

    @pytest.mark.parametrize(
        ("closed", "error"),
        [("A/1/0/0/1/1/0/0/0", "ChunkError"), ("A/1/0/0/.zarray", "StoreError"),
         ("A/1/0/0", "StoreError"), ("A/1/0", "StoreError"), ("A/1/0/.zattrs", "StoreError"),
         ("A/1", "ConfigError"), ("", "ConfigError"), (".zattrs", "ConfigError")],
    )  # fmt: skip
    def test_without_read_permission(self, one, closed, error):
        place = Path(one.data_path, closed)
        place.chmod(0)
        done = run(READ_AS_NOBODY, one.model_dump_json())
        assert done.stdout.startswith(error), done.stdout + done.stderr
        assert "experiment 'one'" in done.stdout
        assert str(one.data_path) in done.stdout
        assert "ermission" in done.stdout
        assert "damaged" not in done.stdout

    @pytest.mark.parametrize("closed", ["", "A/1/0", "A/1/0/tracks.csv"])
    def test_tables_without_read_permission(self, one, closed):
        Path(one.tracks_path, closed).chmod(0)
        done = run(READ_AS_NOBODY, one.model_dump_json())
        assert done.stdout.endswith("lineage_triplets\n"), done.stdout + done.stderr
        assert "experiment 'one'" in done.stdout
        assert str(one.tracks_path) in done.stdout


READ_AS_NOBODY = """
    import os, sys
    import numpy as np
    from lineage_triplets import ExperimentConfig, ExperimentRegistry, MultiExperimentIndex
    from lineage_triplets.engine import PairSource
    from lineage_triplets.engine.errors import LineageTripletsError
    os.setuid(65534)
    try:
        one = ExperimentConfig.model_validate_json(sys.argv[1])
        index = MultiExperimentIndex(ExperimentRegistry([one]), 1, (16, 16))
        PairSource(index).read(np.arange(len(index)))
    except LineageTripletsError as error:
        print(type(error).__name__, error, "of lineage_triplets")
"""
