"""``steering compute explain``: the script that would be submitted, and why each line is there."""

import pytest

from steering.cli import main


def explain(capsys, *arguments):
    code = main(["compute", "explain", *arguments])
    return code, capsys.readouterr().out


@pytest.mark.parametrize(
    ("facility", "nodes", "queue", "lines"),
    [
        ("aurora", 1, "debug", ["#PBS -l select=1", "#PBS -l filesystems=home:flare"]),
        ("aurora", 4, "debug-scaling", ["#PBS -l select=4", "#PBS -l filesystems=home:flare"]),
        ("polaris", 1, "demand", ["#PBS -l select=1:system=polaris", "#PBS -l filesystems=home:eagle"]),
        ("polaris", 4, "demand", ["#PBS -l select=4:system=polaris", "#PBS -l filesystems=home:eagle"]),
    ],
)
def test_it_prints_alcfs_mandatory_lines_each_with_its_reason(capsys, tmp_path, facility, nodes, queue, lines):
    given = ("--nodes", str(nodes), "--account", "demo", "--workspace", str(tmp_path))
    _, text = explain(capsys, facility, *given)
    _, script = explain(capsys, facility, *given, "--script")
    mandatory = [
        "#PBS -A demo",
        "#PBS -l walltime=01:00:00",
        "#PBS -l place=scatter",
        "#PBS -k doe",
        f"#PBS -q {queue}",
    ]
    for line in [*lines, *mandatory]:
        assert line in script.splitlines()
        (explained,) = [one for one in text.splitlines() if one.startswith(line) and "<-" in one]
        assert explained.split("<-")[1].strip()
    launcher = script.splitlines()[-1]
    assert ("--fan-out mpiexec" in launcher) == (nodes > 1)
    workers = {"aurora": 12, "polaris": 4}[facility]
    assert f"--nodes {nodes} --workers-per-node {workers}" in launcher
    assert text.startswith(f"Choice: {queue}: one job of {nodes} node")
    # Nothing was made by looking.
    assert list(tmp_path.iterdir()) == []


def test_it_says_what_is_still_wrong_and_what_to_do(capsys, tmp_path):
    code, text = explain(capsys, "polaris", "--workspace", str(tmp_path))
    assert code == 1
    assert "WRONG  account: every job here is charged to a project. Name yours" in text
    assert "WRONG  directory: Set directory of polaris in steering.yaml" in text
    assert "WRONG  interface: this machine has no network interface 'bond0'; it has " in text


def test_a_mistake_is_a_sentence_and_no_traceback(capsys, tmp_path):
    here = ("--workspace", str(tmp_path))
    assert main(["compute", "explain", "local", *here]) == 1
    assert "This machine has no batch system" in capsys.readouterr().err
    assert main(["compute", "explain", "polaris", "--walltime", "soon", *here]) == 1
    assert capsys.readouterr().err.startswith("--walltime soon: not a time. Write HH:MM:SS")
    assert main(["compute", "start", "slurm", "--nodes", "0", *here]) == 1
    assert capsys.readouterr().err.startswith("--nodes 0: not a number of nodes. Allowed: 1 and more")
    assert main(["compute", "start", *here]) == 1
    assert capsys.readouterr().err.startswith(
        "Say which facility. Allowed: aurora, globus_compute, local, pbs, polaris, slurm"
    )
    (tmp_path / "steering.yaml").write_text("steering: {sites: {polaris: {colour: red}}}")
    assert main(["compute", "explain", "polaris", *here]) == 1
    assert capsys.readouterr().err.startswith("The facility polaris has no setting 'colour'. Settings: ")
