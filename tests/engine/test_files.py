"""Paths as people write them; files written whole or not at all."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from lineage_triplets.engine.errors import OutputError, OutputExistsError
from lineage_triplets.engine.files import whole_entries, whole_file, whole_folder
from lineage_triplets.engine.settings.paths import expand, is_url, locate, rebase, replace_prefix
from programs import run
from systems import needs_posix, needs_root

if TYPE_CHECKING:
    from pathlib import Path


def names_in(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


class TestPaths:
    def test_variables_and_home(self, monkeypatch):
        monkeypatch.setenv("DATA", "/mnt/data")
        monkeypatch.setenv("HOME", "/home/me")
        assert expand("${DATA}/a/$DATA") == "/mnt/data/a//mnt/data"
        assert expand("~/a") == "/home/me/a"

    def test_an_unset_variable_is_named(self, monkeypatch):
        monkeypatch.delenv("ABSENT", raising=False)
        with pytest.raises(ValueError, match="ABSENT is not set"):
            expand("${ABSENT}/a")

    def test_the_home_of_nobody_known_is_a_value_error(self):
        with pytest.raises(ValueError, match="nobody_of_this_name"):
            expand("~nobody_of_this_name/a")

    def test_the_longest_prefix_wins_and_only_whole_folders_count(self):
        path_map = {"/data": "/a", "/data/big/": "/b/"}
        assert replace_prefix("/data/x", path_map) == "/a/x"
        assert replace_prefix("/data/big/x", path_map) == "/b/x"
        assert replace_prefix("/data/bigger/x", path_map) == "/a/bigger/x"
        assert replace_prefix("/database/x", path_map) == "/database/x"
        assert replace_prefix("/data", path_map) == "/a"

    def test_located_relative_mapped_and_remote(self, monkeypatch):
        monkeypatch.setenv("DATA", "/mnt/data")
        assert locate("../x.zarr", "/home/me/configs") == "/home/me/x.zarr"
        assert locate("${DATA}/x.zarr", "/home", {"/mnt/data": "/scratch"}) == "/scratch/x.zarr"
        assert locate("${DATA}/x.zarr", "/home", {"${DATA}": "/other"}) == "/other/x.zarr"
        assert locate("x", "/home/me", {"/home/me": "/cluster"}) == "/cluster/x"
        assert locate("s3://bucket/x.zarr", "/home") == "s3://bucket/x.zarr"
        assert locate("/data/x", "/home", {"/data": "/data/moved"}) == "/data/moved/x"
        assert is_url("s3://bucket")
        assert not is_url("C/x")

    def test_rebased_for_another_folder(self, monkeypatch):
        monkeypatch.setenv("DATA", "/mnt/data")
        monkeypatch.delenv("ABSENT", raising=False)
        assert rebase("../x.zarr", "/a/b", "/a/c/d") == "../../x.zarr"
        assert rebase("/abs/x.zarr", "/a/b", "/a/c") == "/abs/x.zarr"
        assert rebase("${DATA}/x.zarr", "/a/b", "/a/c") == "${DATA}/x.zarr"
        assert rebase("${ABSENT}/x.zarr", "/a/b", "/a/c") == "${ABSENT}/x.zarr"
        assert rebase("s3://bucket/x", "/a/b", "/a/c") == "s3://bucket/x"


class TestWholeFile:
    def test_it_appears_when_all_is_written(self, tmp_path):
        target = tmp_path / "out.txt"
        with whole_file(target) as temporary:
            temporary.write_text("done")
            assert not target.exists()
        assert target.read_text() == "done"
        assert names_in(tmp_path) == ["out.txt"]

    @needs_posix
    def test_its_mode_is_the_umasks(self, tmp_path):
        before = os.umask(0o027)
        try:
            with whole_file(tmp_path / "out.txt") as temporary:
                temporary.write_text("x")
        finally:
            os.umask(before)
        assert (tmp_path / "out.txt").stat().st_mode & 0o777 == 0o640

    def test_a_failure_leaves_what_was_there(self, tmp_path):
        target = tmp_path / "out.txt"
        target.write_text("old")

        class StopError(Exception):
            pass

        with pytest.raises(StopError), whole_file(target, overwrite=True) as temporary:
            temporary.write_text("new")
            raise StopError
        assert target.read_text() == "old"
        assert names_in(tmp_path) == ["out.txt"]

    def test_an_existing_file_is_kept_unless_said(self, tmp_path):
        target = tmp_path / "out.txt"
        target.write_text("old")
        with pytest.raises(OutputExistsError, match=r"out\.txt.*there already"), whole_file(target):
            pytest.fail("nothing is done for a file that may not be written")
        with whole_file(target, overwrite=True) as temporary:
            temporary.write_text("new")
        assert target.read_text() == "new"

    def test_one_that_appears_meanwhile_is_kept(self, tmp_path):
        target = tmp_path / "out.txt"
        with pytest.raises(OutputExistsError), whole_file(target) as temporary:
            temporary.write_text("ours")
            target.write_text("theirs")
        assert target.read_text() == "theirs"
        assert names_in(tmp_path) == ["out.txt"]

    @needs_posix
    def test_a_dangling_link_is_not_passed_over_in_silence(self, tmp_path):
        target = tmp_path / "out.txt"
        target.symlink_to(tmp_path / "absent.txt")
        with pytest.raises(OutputExistsError), whole_file(target) as temporary:
            temporary.write_text("x")
        assert names_in(tmp_path) == ["out.txt"]

    def test_a_folder_is_never_replaced(self, tmp_path):
        with (
            pytest.raises(OutputExistsError, match="a folder"),
            whole_file(tmp_path, overwrite=True),
        ):
            pytest.fail("nothing is done for a folder")

    @pytest.mark.parametrize("name", ["absent/out.txt", "file/out.txt", "x" * 300])
    def test_where_nothing_can_be_written(self, tmp_path, name):
        (tmp_path / "file").write_text("")
        with pytest.raises(OutputError, match="could not be written") as caught:  # noqa: SIM117
            with whole_file(tmp_path / name) as temporary:
                temporary.write_text("x")
        assert name in str(caught.value)
        assert isinstance(caught.value, OSError)
        assert names_in(tmp_path) == ["file"]

    @needs_posix
    def test_a_full_disk_leaves_nothing_half_written(self, tmp_path):
        code = """
            import resource, sys
            from lineage_triplets.engine.files import whole_entries, whole_file, whole_folder
            from lineage_triplets.engine.errors import OutputError
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
            try:
                with whole_file(sys.argv[1]) as temporary:
                    temporary.write_text("x" * 5000)
            except OutputError as error:
                print(error)
        """
        done = run(code, tmp_path / "out.txt")
        assert "out.txt: could not be written: File too large" in done.stdout, done.stderr
        assert names_in(tmp_path) == []

    @needs_root
    def test_a_folder_that_one_may_not_write_to(self, tmp_path):
        code = """
            import os, sys
            from lineage_triplets.engine.files import whole_entries, whole_file, whole_folder
            from lineage_triplets.engine.errors import OutputError
            os.setuid(65534)
            try:
                with whole_file(sys.argv[1]) as temporary:
                    temporary.write_text("x")
            except OutputError as error:
                print(error)
        """
        done = run(code, tmp_path / "out.txt")
        assert "out.txt: could not be written: Permission denied" in done.stdout, done.stderr
        assert names_in(tmp_path) == []


@needs_posix
class TestLeftBehind:
    """What a process that was killed while it wrote has left goes with the next one's writing."""

    @pytest.mark.parametrize(
        "writing",
        [
            "whole_file(target, overwrite=True)",
            "whole_files([target], overwrite=True)",
            "whole_folder(target)",
            "whole_entries(target.parent)",
        ],
    )
    def test_it_goes_at_the_next_one(self, tmp_path, writing):
        code = f"""
            import os, sys
            from pathlib import Path
            from lineage_triplets.engine.files import *
            target = Path(sys.argv[1])
            with {writing} as new:
                if isinstance(new, dict):
                    new[target].touch()
                os._exit(9)
        """
        done = run(code, tmp_path / "out.txt")
        assert done.returncode == 9, done.stderr
        (left,) = names_in(tmp_path)
        assert left.startswith(".")
        with whole_file(tmp_path / "other.txt"):
            pass
        assert left in names_in(tmp_path)
        for next_one in (whole_file, whole_folder):
            with next_one(tmp_path / "out.txt"):
                pass
            shutil.rmtree(tmp_path / "out.txt", ignore_errors=True)
            (tmp_path / "out.txt").unlink(missing_ok=True)
        with whole_entries(tmp_path):
            pass
        assert names_in(tmp_path) == ["other.txt"]

    def test_what_somebody_still_writes_stays(self, tmp_path):
        target = tmp_path / "out.txt"
        with whole_file(target, overwrite=True) as first:
            with whole_file(target, overwrite=True) as second:
                second.write_text("second")
            first.write_text("first")
        assert target.read_text() == "first"


class TestWholeEntries:
    @needs_posix
    def test_what_comes_last_is_not_there_while_others_are_of_two_writers(self, tmp_path):
        code = """
            import os, sys
            from pathlib import Path
            from lineage_triplets.engine.files import whole_entries

            def write(folder, text):
                with whole_entries(folder, ["gone"], "m_last") as new:
                    for name in ("a", "m_last", "z"):
                        (new / name).write_text(text)

            whole, real, n_torn = 0, Path.rename, 0
            while not whole:
                folder = Path(sys.argv[1], str(n_torn))
                write(folder, "old")
                (folder / "gone").write_text("old")
                child = os.fork()
                if not child:
                    left = [n_torn]
                    def rename(place, there):
                        if not left[0]:
                            os.kill(os.getpid(), 9)
                        left[0] -= 1
                        return real(place, there)
                    Path.rename = rename
                    write(folder, "new")
                    os._exit(0)
                whole = os.waitpid(child, 0)[1] == 0
                files = {file.name: file.read_text() for file in folder.glob("[!.]*")}
                if "m_last" in files:
                    assert len(set(files.values())) == 1, files
                    assert ("gone" in files) == (files["a"] == "old"), files
                n_torn += not whole
            print(n_torn)
        """
        done = run(code, tmp_path)
        assert (done.stdout, done.stderr) == ("7\n", "")

    def write(self, folder: Path, *, fails: bool) -> None:
        with whole_entries(folder, ["gone"]) as new:
            (new / "a").write_text("new")
            (new / "b").mkdir()
            if fails:
                raise OSError(28, "No space left on device")

    def test_all_take_their_places_or_none(self, tmp_path):
        folder = tmp_path / "x/y"
        with pytest.raises(OutputError, match="No space left"):
            self.write(folder, fails=True)
        assert names_in(tmp_path) == []
        folder.mkdir(parents=True)
        for name in ("a", "gone", "other"):
            (folder / name).write_text("old")
        with pytest.raises(OutputError, match="No space left"):
            self.write(folder, fails=True)
        assert names_in(folder) == ["a", "gone", "other"]
        self.write(folder, fails=False)
        assert names_in(folder) == ["a", "b", "other"]
        assert (folder / "a").read_text() == "new"
