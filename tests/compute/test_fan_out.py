"""How the launcher comes to each node of a job."""

import sys
from pathlib import Path

import pytest

from steering.cluster.fan_out import Placement, commands, placement

OWN = [sys.executable, "-m", "steering.cluster.launcher", "x.json"]


@pytest.fixture(autouse=True)
def nowhere(monkeypatch):
    for name in ("STEERING_LAUNCHER_PLACED", "PALS_RANKID", "PMIX_RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK",
                 "SLURM_PROCID"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)


def test_one_node_needs_no_fan_out():
    assert placement(1, -1) == Placement(0)


def test_a_job_of_several_nodes_goes_out_first_even_where_its_batch_script_has_a_rank(monkeypatch):
    monkeypatch.setenv("SLURM_PROCID", "0")
    assert placement(2, -1) is None
    monkeypatch.setenv("STEERING_LAUNCHER_PLACED", "1")
    assert placement(2, -1) == Placement(0)


@pytest.mark.parametrize("name", ["PALS_RANKID", "PMI_RANK", "OMPI_COMM_WORLD_RANK", "SLURM_PROCID"])
def test_the_node_is_known_by_its_starter_s_rank(monkeypatch, name):
    monkeypatch.setenv("STEERING_LAUNCHER_PLACED", "1")
    monkeypatch.setenv(name, "3")
    assert placement(4, -1) == Placement(3)


def test_an_explicit_rank_goes_before_all():
    assert placement(4, 2) == Placement(2)


def test_mpiexec_starts_one_a_node_and_binds_nothing():
    (command,) = commands("mpiexec", 4, ["x.json"])
    assert command == ["mpiexec", "-n", "4", "--ppn", "1", "--cpu-bind", "none", "/usr/bin/env",
                       "STEERING_LAUNCHER_PLACED=1", *OWN]  # fmt: skip


def test_srun_starts_one_a_node():
    (command,) = commands("srun", 2, ["x.json"])
    assert command[0] == "srun"
    assert {"--nodes=2", "--ntasks=2", "--ntasks-per-node=1"} <= set(command)
    assert command[-len(OWN) :] == OWN


def test_pbsdsh_is_called_for_each_node_and_carries_what_its_bare_environment_lacks(monkeypatch):
    monkeypatch.setenv("ZE_FLAT_DEVICE_HIERARCHY", "FLAT")
    monkeypatch.setenv("API_TOKEN", "secret")
    for rank, command in enumerate(commands("pbsdsh", 2, ["x.json"])):
        assert command[:7] == ["pbsdsh", "-n", str(rank), "--", "/usr/bin/env", "-C", str(Path.cwd())]
        assert command[-len(OWN) - 2 :] == [*OWN, "--rank", str(rank)]
        assert "ZE_FLAT_DEVICE_HIERARCHY=FLAT" in command
        assert not any("secret" in word for word in command)


def test_several_nodes_without_a_way_to_them_are_told():
    with pytest.raises(SystemExit, match="needs fan_out: mpiexec, pbsdsh or srun"):
        commands("", 2, [])
