"""Buckets: what is in them is bounded as what web servers give, and their trouble is told."""

from __future__ import annotations

import numpy as np
import pytest

from lineage_triplets.engine.plates.plate import open_plate
from lineage_triplets.engine.plates.remote_files import most_requests
from programs import run
from remote_plates import chunk_fault, index_of, moved, read_all, store_fault
from systems import needs_posix


@pytest.fixture
def bucket(served, monkeypatch):
    """The server of a test's own, asked as one of buckets."""
    served.serve_bucket(monkeypatch)
    return served


@pytest.fixture(params=["web", "bucket"])
def either(request, served, monkeypatch):
    """The server of a test's own, asked as a web server, and as one of buckets."""
    if request.param == "bucket":
        served.serve_bucket(monkeypatch)
    return served


@pytest.mark.parametrize(("name", "most"), [("v2.zarr/.zattrs", "16"), ("v3.zarr/zarr.json", "64")])
def test_metadata_that_are_too_long_are_left(either, name, most):
    either.lengthen(f"{name}$", 10**8)
    problem = store_fault(f"{either.address}/{name.partition('/')[0]}")
    assert problem.kind == "bad-metadata"
    assert f"more than {most} MB came" in problem.message
    assert either.n_sent_bytes < 10**7


class TestTrouble:
    def test_a_chunk_that_is_absent(self, plates, bucket):
        bucket.refuse(r"A/1/0/0/1/0/", 404)
        one = moved(plates["v2"], bucket.address)
        assert chunk_fault(one, missing_chunks="error").kind == "missing-chunk"
        assert not read_all(index_of(one), missing_chunks="fill")[1, 1].any()

    def test_a_chunk_that_is_refused(self, plates, bucket):
        bucket.refuse(r"A/1/0/0/1/0/", 403)
        problem = chunk_fault(moved(plates["v2"], bucket.address), missing_chunks="fill")
        assert problem.kind == "unreadable"
        assert f"{bucket.address}/v2.zarr/A/1/0/0/1/0/0/0/0 of frame" in problem.message
        assert "no permission" in problem.message
        assert "may list the bucket" in problem.remedy

    def test_what_is_refused_beside_what_is_given_counts_as_absent(self, bucket):
        """As without the right to list."""
        bucket.refuse(r"zarr\.json", 403)
        bucket.refuse(r"\.zgroup", 403)
        assert open_plate(f"{bucket.address}/v2.zarr").fov("A/1/0").zarr_format == 2

    def test_a_failure_is_tried_again(self, plates, bucket):
        bucket.refuse(r"v2.zarr/\.zattrs", 503, times=1)
        bucket.refuse(r"A/1/0/0/0/0", 500, times=1)
        found = read_all(index_of(moved(plates["v2"], bucket.address)))
        np.testing.assert_array_equal(found, read_all(index_of(plates["v2"])))

    def test_a_failure_that_stays(self, plates, bucket):
        one = moved(plates["v2"], bucket.address)
        bucket.refuse(r"A/1/0/0/0/0", 500)
        problem = chunk_fault(one)
        assert problem.kind == "unreachable"
        assert "REMOTE_RETRIES" in problem.remedy

    def test_a_server_that_is_down_is_left_alone(self, bucket):
        url = f"{bucket.address}/v2.zarr"
        bucket.stop()
        assert store_fault(url).kind == "unreachable"
        assert "a moment ago" in store_fault(url).message

    def test_metadata_that_never_come(self, bucket, monkeypatch):
        monkeypatch.setenv("LINEAGE_TRIPLETS_REMOTE_TIMEOUT", "0.2")
        bucket.hang("v2.zarr")
        problem = store_fault(f"{bucket.address}/v2.zarr")
        assert problem.kind == "unreachable"
        assert "no answer came within 0.2 s" in problem.message

    def test_a_web_page_is_told_as_one(self, bucket):
        bucket.give(r"v2.zarr/", b"\n<!DOCTYPE html><html><body>Log in</body></html>")
        message = store_fault(f"{bucket.address}/v2.zarr").message
        assert message == "there is a web page, and no store."


class TestCredentials:
    @pytest.fixture(autouse=True)
    def _profiles(self, tmp_path, monkeypatch):
        """Two profiles, and nothing else that tells who asks."""
        names = {"default": "of-default", "lab": "of-lab"}
        (tmp_path / "credentials").write_text(
            "".join(
                f"[{name}]\naws_access_key_id={key}\naws_secret_access_key=tests\n"
                for name, key in names.items()
            )
        )
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")

    @pytest.mark.parametrize(
        ("variables", "signer"),
        [
            ({"AWS_PROFILE": "lab"}, "of-lab"),
            ({}, "of-default"),
            ({"AWS_PROFILE": "lab", "AWS_ACCESS_KEY_ID": "own"}, "own"),
            ({"AWS_PROFILE": "lab", "AWS_NO_SIGN_REQUEST": "YES"}, ""),
        ],
        ids=["a profile", "the default profile", "keys", "none"],
    )
    def test_who_signs(self, bucket, monkeypatch, variables, signer):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        open_plate(f"{bucket.address}/v2.zarr").fov("A/1/0")
        assert bucket.signers == {signer}


def test_requests_at_a_time(monkeypatch):
    """As many as tensorstore sends, and as many more that ask for a byte."""
    assert most_requests("s3://bucket/a.zarr") == 64
    monkeypatch.setenv("TENSORSTORE_S3_REQUEST_CONCURRENCY", "100")
    assert most_requests("s3://bucket/a.zarr") == 200
    assert most_requests("gs://bucket/a.zarr") == 64
    assert most_requests("http://host/a.zarr") == 32


@needs_posix
def test_what_is_refused_takes_no_memory(plates, bucket):
    """By the peak of a process that is refused a chunk and metadata of 400 MB."""
    bucket.lengthen(r"v2.zarr/A/1/0/0/0/0/0/0/0$", 4 * 10**8)
    bucket.lengthen(r"v3.zarr/zarr\.json$", 4 * 10**8)
    told = run(
        """
        import resource, sys
        from lineage_triplets.engine.errors import StoreError
        from lineage_triplets.engine.plates.plate import open_plate
        from lineage_triplets.engine.reading.tensorstore import open_array

        def peak_kb():
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

        array = open_array(f"{sys.argv[1]}/v2.zarr/A/1/0/0", 2).result()
        array[1].read().result()
        before = peak_kb()
        for ask in (lambda: array[0].read().result(), lambda: open_plate(f"{sys.argv[1]}/v3.zarr")):
            try:
                ask()
            except (StoreError, ValueError) as error:
                print("more than" in str(error))
        print(peak_kb() - before < 50_000)
        """,
        bucket.address,
    )
    assert told.stdout.split() == ["True"] * 3, told.stderr
    assert bucket.n_sent_bytes < 10**7
