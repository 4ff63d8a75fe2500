"""ND2 files are imported whole, and what they claim is judged before it is read."""

from __future__ import annotations

import numpy as np
import pytest

from lineage_triplets.cli import main
from lineage_triplets.engine.errors import ConfigError, LineageTripletsError
from lineage_triplets.engine.plates import limits
from lineage_triplets.engine.plates.image import open_image
from lineage_triplets.imports import plan_import
from nd2_files import write_nd2
from stores import numbered_pixels

pytest.importorskip("nd2")
zarr = pytest.importorskip("zarr")
PIXELS = numbered_pixels((5, 2, 20, 24))


def test_a_movie_is_imported_whole(tmp_path, capsys):
    write_nd2(tmp_path / "m.nd2", PIXELS)
    with pytest.raises(SystemExit) as ended:
        main(["import", str(tmp_path / "m.nd2"), "--out", str(tmp_path / "p.zarr")])
    assert not ended.value.code
    assert "Phase, GFP" in capsys.readouterr().out
    fov = open_image(str(tmp_path / "p.zarr" / "A/1/0"))
    assert fov.shape == (5, 2, 1, 20, 24)
    assert fov.pixel_size_um[1:] == (0.325, 0.325)
    assert fov.interval_minutes == 10
    written = zarr.open_array(fov.array_path, mode="r")[:]
    assert np.array_equal(written.reshape(PIXELS.shape), PIXELS)


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ({"uiSequenceCount": 3_000_000}, "6,000,000 planes"),
        ({"uiHeight": 2_000_000, "uiWidth": 2_000_000}, "one plane of 2,000,000 x 2,000,000"),
        ({"uiWidth": 0}, "nobody has such an image"),
    ],
)
def test_what_it_claims_is_judged_first(tmp_path, claims, told):
    write_nd2(tmp_path / "m.nd2", PIXELS, **claims)
    with pytest.raises(ConfigError, match=told) as caught:
        plan_import([tmp_path / "m.nd2"], interval_minutes=5)
    assert caught.value.problems[0].kind == "shape-too-large"


def test_one_plane_too_many_for_a_lowered_limit_is_refused(tmp_path, monkeypatch):
    write_nd2(tmp_path / "m.nd2", PIXELS)
    monkeypatch.setattr(limits, "MOST_FRAMES", 5)
    assert plan_import([tmp_path / "m.nd2"]).fovs
    monkeypatch.setattr(limits, "MOST_FRAMES", 4)
    with pytest.raises(ConfigError) as caught:
        plan_import([tmp_path / "m.nd2"])
    assert caught.value.problems[0].kind == "shape-too-large"


def test_of_channels_without_probes_names_are_asked_for(tmp_path):
    write_nd2(tmp_path / "m.nd2", PIXELS, probes=False)
    plan = plan_import([tmp_path / "m.nd2"])
    if [met.kind for met in plan.warnings] != ["unread-metadata"]:
        pytest.skip("this nd2 reads them")
    assert plan.channel_names == (None, None)
    assert plan.interval_minutes == 10


def test_a_file_cut_short_is_a_sentence(tmp_path):
    write_nd2(tmp_path / "m.nd2", PIXELS)
    whole = (tmp_path / "m.nd2").read_bytes()
    for length in range(0, len(whole), 1500):
        (tmp_path / "m.nd2").write_bytes(whole[:length])
        with pytest.raises(LineageTripletsError):
            plan_import([tmp_path / "m.nd2"])
