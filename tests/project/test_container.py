"""The Dockerfile: clean for hadolint, and its install steps run into a folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.project import dockerfile


@pytest.fixture(scope="session")
def stages(repository: Path) -> list[dockerfile.Stage]:
    """The two stages of the Dockerfile."""
    return dockerfile.read(repository / "Dockerfile")


@pytest.fixture(scope="session")
def built(
    repository: Path, stages: list[dockerfile.Stage], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The first stage's files, made by its own steps; `python` is a fresh one as in the image."""
    folder = tmp_path_factory.mktemp("image")
    python = folder / "python"
    subprocess.run([sys.executable, "-m", "venv", str(python)], check=True, timeout=120)
    inherited = {
        name: value
        for name, value in os.environ.items()
        # Where packages come from and which certificates hold is the machine's affair.
        if name in {"HOME", "LANG", "TMPDIR"} or name.startswith(("PIP_", "SSL_", "HTTP", "NO_P"))
    }
    environment = inherited | {"PATH": f"{python / 'bin'}:/usr/bin:/bin"}
    dockerfile.play(stages[0], context=repository, folder=folder, environment=environment)
    yield folder
    # 200 MB, which pytest would keep for three runs.
    shutil.rmtree(folder)


def test_hadolint_finds_nothing(repository: Path) -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [hadolint, "Dockerfile"], cwd=repository, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_steps_install_a_sekisho_that_starts(built: Path) -> None:
    sekisho = built / "opt/sekisho/bin/sekisho"
    done = subprocess.run(
        [sekisho, "--help"], cwd=built, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "audit" in done.stdout


def test_entrypoint_and_health_check_are_commands_that_sekisho_has(
    built: Path, stages: list[dockerfile.Stage]
) -> None:
    image = stages[-1]
    (entrypoint,) = image.all_of("ENTRYPOINT")
    (command,) = image.all_of("CMD")
    (health,) = image.all_of("HEALTHCHECK")
    for argv in (entrypoint.argv + command.argv, health.argv):
        program = built / "opt/sekisho/bin" / argv[0]
        done = subprocess.run(
            [program, *argv[1:], "--help"], cwd=built, capture_output=True, check=False, timeout=60
        )
        assert done.returncode == 0, f"{argv}: {done.stderr.decode()}"


def test_what_the_image_copies_was_built(built: Path, stages: list[dockerfile.Stage]) -> None:
    for copy in stages[-1].all_of("COPY"):
        words = [word for word in copy.rest.split() if not word.startswith("--")]
        assert (built / words[0].lstrip("/")).is_dir(), copy.rest


def test_the_image_holds_no_installer_and_no_test(built: Path) -> None:
    installed = {path.name for path in (built / "opt/sekisho").glob("lib/python*/site-packages/*")}
    assert not installed & {"pip", "hatchling", "pytest", "tests", "benchmarks"}


def test_the_image_does_not_run_as_root(stages: list[dockerfile.Stage]) -> None:
    (user,) = stages[-1].all_of("USER")
    assert user.rest == "65532:65532"
