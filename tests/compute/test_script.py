"""Job scripts for Aurora and Polaris: ALCF's mandatory lines, and what the launcher is told."""

import shlex
from pathlib import Path

import pytest

from steering.cluster.launcher import _parser
from steering.compute.script import job_script, launcher_command
from steering.compute.site import read_site
from steering.compute.urgency import choose
from steering.core.pool import PoolRequest
from tests.compute.facility_files import section

SHARED = Path("/eagle/project/steering/x")
SPEC = {"aurora": "select={}", "polaris": "select={}:system=polaris"}
FILESYSTEMS = {"aurora": "home:flare", "polaris": "home:eagle"}


def script_of(name, nodes, **settings):
    site = read_site(name, section(name), None, {"account": "demo", **settings})
    return job_script(site, choose(site, PoolRequest("live", "live", nodes), {}), "live", "live1-0-1", SHARED)


def directives(script):
    head = []
    for line in script.splitlines()[1:]:
        if line and not line.startswith("#"):
            break
        head += [line] if line else []
    return head


def launcher(script):
    """What the launcher is given, read by its own parser."""
    line = next(line for line in script.splitlines() if "steering.cluster.launcher" in line)
    words = shlex.split(line)
    return _parser().parse_args(words[words.index("steering.cluster.launcher") + 1 :])


@pytest.mark.parametrize("nodes", [1, 4])
@pytest.mark.parametrize("name", ["aurora", "polaris"])
def test_alcf_s_mandatory_lines_are_there_once_and_before_all_commands(name, nodes):
    script = script_of(name, nodes)
    assert script.startswith("#!/bin/bash -l\n")
    head = directives(script)
    assert [line for line in script.splitlines() if line.startswith("#PBS")] == head
    for line in (
        "-A demo", f"-l {SPEC[name].format(nodes)}", "-l walltime=01:00:00", "-N live1-0-1",
        f"-l filesystems={FILESYSTEMS[name]}", "-l place=scatter", "-k doe",
    ):  # fmt: skip
        assert head.count(f"#PBS {line}") == 1, head
    assert not any("ncpus" in line or "mem=" in line for line in head), "whole nodes need neither"
    assert len([line for line in head if line.startswith("#PBS -q ")]) == 1


def test_preemptable_jobs_ask_to_be_run_again_and_others_do_not():
    site = read_site("polaris", section("polaris"))
    for urgency, wanted in (("soon", True), ("live", False)):
        script = job_script(site, choose(site, PoolRequest("p", urgency, 1), {}), "p", "p-0-1", SHARED)
        assert ("#PBS -r y" in directives(script)) is wanted


TILES = {"aurora": (12, "ZE_AFFINITY_MASK"), "polaris": (4, "CUDA_VISIBLE_DEVICES")}


@pytest.mark.parametrize("nodes", [1, 4])
@pytest.mark.parametrize("name", TILES)
def test_the_launcher_is_told_one_worker_a_tile(name, nodes):
    workers, mask = TILES[name]
    told = launcher(script_of(name, nodes))
    assert told.connection == str(SHARED / "scheduler.json")
    assert (told.name, told.nodes, told.workers_per_node) == ("live1-0-1", nodes, workers)
    assert told.fan_out == ("mpiexec" if nodes > 1 else "")
    assert told.mask == mask
    masks, cores = told.masks.split(","), told.cores.split(":")
    assert sorted(masks, key=int) == [str(n) for n in range(workers)]
    assert len(cores) == workers
    assert told.nthreads == 8
    assert 0 < told.lifetime < 3600
    assert '"GPU":1' in told.resources


@pytest.mark.parametrize(("name", "reserved"), [("aurora", {0, 52}), ("polaris", set())])
def test_no_core_is_given_twice_and_none_of_the_system_s(name, reserved):
    bound = []
    for part in launcher(script_of(name, 1)).cores.split(":"):
        first, last = part.split("-")
        bound += range(int(first), int(last) + 1)
    assert len(bound) == len(set(bound))
    assert not reserved & set(bound)


def test_polaris_pairs_each_gpu_with_the_cores_next_to_it():
    told = launcher(script_of("polaris", 1))
    pairs = dict(zip(told.masks.split(","), told.cores.split(":"), strict=True))
    assert pairs == {"0": "24-31", "1": "16-23", "2": "8-15", "3": "0-7"}


def test_the_memory_of_a_node_is_shared_by_its_workers_whatever_their_number():
    limits = {launcher(script_of("polaris", nodes)).memory_limit for nodes in (1, 4)}
    assert len(limits) == 1
    assert limits.pop().startswith("111.7")


def test_the_nodes_know_the_proxy_and_what_the_site_loads():
    script = script_of("aurora", 1)
    for line in ("module load frameworks", "export ZE_FLAT_DEVICE_HIERARCHY=FLAT"):
        assert f"\n{line}\n" in script
    assert "http_proxy=http://proxy.alcf.anl.gov:3128" in script
    assert f"exec >> {SHARED}/logs/live1-0-1.log 2>&1" in script


def test_the_environment_that_was_prepared_is_used():
    assert "/eagle/env/bin/python -m steering.cluster.launcher" in script_of("polaris", 1, environment="/eagle/env")
    assert "\nexec /opt/python -m steering" in script_of("polaris", 1, environment="/eagle/env", python="/opt/python")


def test_a_job_without_a_batch_system_has_the_same_launcher():
    site = read_site("local", section("local"))
    command = launcher_command(site, choose(site, PoolRequest("p", "live", 1), {}), "p", "p-0-1", SHARED)
    told = _parser().parse_args(command[command.index("steering.cluster.launcher") + 1 :])
    assert told.lifeline
    assert told.lifetime == 0
    assert told.resources == '{"p":1048576.0}'


def test_the_nodes_are_told_where_the_beamlines_folders_are():
    script = script_of("polaris", 1, paths={"/gdata/dm": "/eagle/my project/dm", "/local": "/eagle/local"})
    assert "export STEERING_PATHS='/gdata/dm=/eagle/my project/dm:/local=/eagle/local'" in script.splitlines()
    assert "STEERING_PATHS" not in script_of("polaris", 1)
