"""How much memory a process may use, from limits as machines, containers and Slurm write them."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from lineage_triplets.engine.process import (
    MOST_CACHE_BYTES,
    SHARE,
    default_cache_bytes,
    give_back_freed_memory,
    usable_memory_bytes,
)
from systems import needs_posix

GIB = 2**30
MACHINE = {"proc/meminfo": "MemTotal: 67108864 kB\nMemAvailable:   33554432 kB\n"}
V2 = "sys/fs/cgroup"
V1 = "sys/fs/cgroup/memory"
NO_LIMIT_V1 = "9223372036854771712\n"


@pytest.fixture
def root_with(tmp_path):
    def write(files):
        for name, text in {**MACHINE, **files}.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return tmp_path

    return write


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="asks Linux")
def test_what_was_freed_goes_back_to_the_system():
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("other libraries keep less")
    # Smaller than what has a mapping of its own, and the last one holds the heap's end.
    kept = [bytearray(100_000) for _ in range(1500)]
    del kept[:-1]
    before = resident_pages()
    give_back_freed_memory()
    given_back = (before - resident_pages()) * os.sysconf("SC_PAGE_SIZE")
    assert given_back > 100_000_000
    assert kept


def resident_pages() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1])


class TestUsableMemory:
    def test_what_is_available_of_the_machine(self, root_with):
        assert usable_memory_bytes(root_with({}), {}) == 32 * GIB

    @pytest.mark.parametrize(
        "limits",
        [
            {"": "max\n", "job": "max\n", "job/step": f"{3 * GIB}\n"},
            {"": "max\n", "job": f"{3 * GIB}\n", "job/step": f"{5 * GIB}\n"},
            {"": f"{3 * GIB}\n", "job": f"{5 * GIB}\n", "job/step": "max\n"},
        ],
    )
    def test_the_least_of_a_group_and_those_above_it(self, root_with, limits):
        files = {f"{V2}/{group}/memory.max": text for group, text in limits.items()}
        root = root_with({"proc/self/cgroup": "0::/job/step\n", **files})
        assert usable_memory_bytes(root, {}) == 3 * GIB

    def test_the_limit_at_which_version_2_slows_down(self, root_with):
        files = {f"{V2}/job/memory.max": "max\n", f"{V2}/job/memory.high": f"{2 * GIB}\n"}
        assert usable_memory_bytes(root_with({"proc/self/cgroup": "0::/job\n", **files}), {}) == (
            2 * GIB
        )

    def test_version_1_beside_a_version_2_without_memory(self, root_with):
        root = root_with(
            {
                "proc/self/cgroup": "9:cpu,cpuacct:/a\n4:memory:/slurm/job_1\n0::/\n",
                f"{V1}/memory.limit_in_bytes": NO_LIMIT_V1,
                f"{V1}/slurm/memory.limit_in_bytes": f"{7 * GIB}\n",
                f"{V1}/slurm/job_1/memory.limit_in_bytes": NO_LIMIT_V1,
                # Another controller's folder of the same name says nothing about memory.
                "sys/fs/cgroup/cpu,cpuacct/a/memory.limit_in_bytes": "1\n",
            }
        )
        assert usable_memory_bytes(root, {}) == 7 * GIB

    @pytest.mark.parametrize("path", ["/docker/0123", "/../.."])
    def test_a_container_whose_path_is_the_hosts(self, root_with, path):
        v1 = {"proc/self/cgroup": f"4:memory:{path}\n"}
        root = root_with({**v1, f"{V1}/memory.limit_in_bytes": f"{6 * GIB}\n"})
        assert usable_memory_bytes(root, {}) == 6 * GIB

    @pytest.mark.parametrize(
        ("environ", "gib"),
        [
            ({"SLURM_MEM_PER_NODE": "8192"}, 8),
            ({"SLURM_MEM_PER_NODE": "0"}, 32),
            ({"SLURM_MEM_PER_CPU": "2048", "SLURM_CPUS_ON_NODE": "6"}, 12),
            ({"SLURM_MEM_PER_CPU": "2048", "SLURM_JOB_CPUS_PER_NODE": "8(x2),3"}, 6),
            ({"SLURM_MEM_PER_GPU": "4096", "SLURM_GPUS_ON_NODE": "2"}, 8),
            ({"SLURM_MEM_PER_NODE": "what", "SLURM_MEM_PER_CPU": ""}, 32),
        ],
    )
    def test_slurm(self, root_with, environ, gib):
        assert usable_memory_bytes(root_with({}), environ) == gib * GIB

    def test_slurm_without_a_number_of_cpus(self, root_with, monkeypatch):
        monkeypatch.setenv("SLURM_CPUS_PER_TASK", "5")
        assert usable_memory_bytes(root_with({}), {"SLURM_MEM_PER_CPU": "1024"}) == 5 * GIB

    @pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS holds on Linux")
    def test_the_address_space_that_is_left(self):
        script = """
import os, resource
from pathlib import Path
from lineage_triplets.engine.process import usable_memory_bytes
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**28, resource.RLIM_INFINITY))
assert 2**27 < usable_memory_bytes(Path("/"), {}) <= 2**28
"""
        subprocess.run([sys.executable, "-c", script], check=True)


class _SharesInWorkers(Dataset):
    def __init__(self, root):
        self.root = root

    def __len__(self):
        return 3

    def __getitem__(self, _):
        return default_cache_bytes(self.root, {})


class TestDefault:
    def test_a_quarter(self, root_with):
        root = root_with({"proc/meminfo": "MemAvailable: 1048576 kB\n"})
        assert default_cache_bytes(root, {}) == GIB * SHARE == GIB // 4

    def test_a_large_machine(self, root_with):
        assert default_cache_bytes(root_with({}), {}) == MOST_CACHE_BYTES == 4 * GIB

    @pytest.mark.parametrize(
        ("environ", "ranks"),
        [
            ({"LOCAL_WORLD_SIZE": "4"}, 4),
            ({"LOCAL_WORLD_SIZE": "2", "SLURM_STEP_TASKS_PER_NODE": "8"}, 2),
            ({"SLURM_STEP_TASKS_PER_NODE": "2(x3),4"}, 4),
            ({"LOCAL_WORLD_SIZE": "0"}, 1),
            ({"MASTER_ADDR": "127.0.0.1", "WORLD_SIZE": "4"}, 4),
            ({"MASTER_ADDR": "node-7", "WORLD_SIZE": "4"}, 1),
        ],
    )
    def test_divided_by_the_ranks_of_the_machine(self, root_with, environ, ranks):
        root = root_with({"proc/meminfo": "MemAvailable: 8388608 kB\n"})
        assert default_cache_bytes(root, environ) == 2 * GIB // ranks

    def test_divided_by_ranks_that_lightning_started_here(self, root_with, monkeypatch):
        """Lightning 2.6 sets no number of the machine's ranks, nor always WORLD_SIZE."""
        root = root_with({"proc/meminfo": "MemAvailable: 8388608 kB\n"})
        monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
        monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
        assert default_cache_bytes(root, {"MASTER_ADDR": "localhost"}) == GIB
        assert default_cache_bytes(root, {"MASTER_ADDR": "node-7"}) == 2 * GIB

    @pytest.mark.parametrize("start_method", ["fork", "spawn"])
    @needs_posix
    def test_divided_by_the_workers_of_the_loader(self, root_with, start_method):
        root = root_with({"proc/meminfo": "MemAvailable: 8388608 kB\n"})
        loader = DataLoader(
            _SharesInWorkers(root), num_workers=2, multiprocessing_context=start_method
        )
        assert torch.cat(list(loader)).tolist() == [GIB] * 3

    def test_a_system_that_tells_nothing(self, tmp_path, monkeypatch):
        monkeypatch.setattr("os.sysconf_names", {})
        assert default_cache_bytes(tmp_path, {}) == GIB
