"""Patches of stores that other writers made are their reference's pixels."""

from __future__ import annotations

import numpy as np
import pytest

from lineage_triplets import ExperimentConfig
from lineage_triplets.engine.plates.plate import open_plate
from patches import expected_patch, index_of, read_all, table_at
from real import DATA

WRITTEN = DATA / "foreign" / "written"


REFERENCE = {
    "acquire_bare_array_blosc_lz4.zarr": "hacat_tcyx",
    "acquire_bare_array_zstd_sharded.zarr": "hacat_tcyx",
    "ngffzarr_v0.5_sharded.ome.zarr": "embryo_tzyx",
    "ngffzarr_v0.5_tzyx.ome.zarr": "embryo_tzyx",
    "ngio_v0.5_sharded_tzyx.zarr": "embryo_tzyx",
    "omewriters_tensorstore.ome.zarr": "hacat_tcyx",
    "omezarrpy0.11_V01_tczyx.zarr": "hacat_tcyx",
    "omezarrpy0.11_V03_tczyx.zarr": "hacat_tcyx",
    "omezarrpy_v0.5_sharded_zstd.ome.zarr": "hacat_tcyx",
    "tensorstore_v0.5_sharded_gzip_index_start.zarr": "hacat_tcyx",
    "tensorstore_v0.5_zstd_crc32c.zarr": "hacat_tcyx",
    "iohub_hcs_v0.4.zarr": "hacat_tcyx",
    "omezarrpy_plate_v0.5.zarr": "hacat_tcyx",
    "acquire_v0.5_plate.zarr/plate": "hacat_tcyx",
}


@pytest.mark.skipif(not WRITTEN.exists(), reason=f"no stores of other writers in {WRITTEN}")
class TestStoresThatOthersWrote:
    def test_all_of_them_are_looked_at(self):
        stores = {one.name for one in WRITTEN.iterdir() if one.suffix == ".zarr"}
        assert {name.partition("/")[0] for name in REFERENCE} == stores

    @pytest.mark.parametrize("name", sorted(REFERENCE))
    def test_their_pixels_are_the_reference(self, name, tmp_path):
        reference = np.load(WRITTEN / "reference_pixels.npz")[REFERENCE[name]]
        axes = REFERENCE[name].partition("_")[2]
        whole = reference[:, None] if axes == "tzyx" else reference[:, :, None]
        plate = open_plate(WRITTEN / name)
        for number, fov in enumerate(map(plate.fov, plate.fov_names())):
            n_t, n_c, n_z, n_y, n_x = fov.shape
            cells = [
                (t, y, x) for t in range(n_t) for y, x in [(3, 5), (n_y - 1, n_x - 2), (30, 33)]
            ]
            folder = tmp_path / fov.name if not plate.single_image else tmp_path
            folder.mkdir(parents=True, exist_ok=True)
            table_at(*cells).to_csv(folder / "tracks.csv", index=False)
            wells = {"a": list(plate.wells)}
            names = list(fov.channel_names or [f"c{k}" for k in range(n_c)])
            one = ExperimentConfig(
                name="one", data_path=str(WRITTEN / name), tracks_path=str(tmp_path),
                channel_names=names, source_channel=names[::-1], condition_wells=wells,
            )  # fmt: skip
            others = [other for other in plate.fov_names() if other != fov.name]
            index = index_of(
                one, z_range=slice(0, n_z), yx_patch_size=(31, 40), exclude_fovs=others
            )
            assert ("no-channel-names" in {p.kind for p in index.registry.problems}) == (
                fov.channel_names is None
            )
            patches = read_all(index)
            assert len(patches) == len(cells), number
            place = places_in(whole, patches[index.tracks.t.to_numpy() == 0])
            assert place is not None, f"{fov.name} holds no part of the reference"
            t0, y0 = place
            part = whole[t0 : t0 + n_t, :, :, y0 : y0 + n_y]
            for patch, row in zip(patches, index.tracks.itertuples(), strict=True):
                wanted = expected_patch(
                    part, list(range(n_c))[::-1], row.t, slice(0, n_z), (row.y, row.x), (31, 40)
                )
                np.testing.assert_array_equal(patch, wanted)


def places_in(whole: np.ndarray, patches: np.ndarray) -> tuple[int, int] | None:
    """First frame and row of the reference where a FOV's first patch (at its corner) is."""
    corner = patches[0][::-1]
    height, width = corner.shape[-2:]
    for t in range(len(whole)):
        for y in range(whole.shape[3] - height + 1):
            if np.array_equal(whole[t, :, :, y : y + height, :width], corner):
                return t, y
    return None
