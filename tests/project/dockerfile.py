"""Reads a Dockerfile, and plays one of its stages into a folder, since no engine is at hand."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

#: Absolute paths that a stage writes to; in a played stage they lie under the folder.
STAGE_PATHS = re.compile(r"(?<![\w./-])/(?=(?:opt|src|var)(?:/|\b))")


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction: RUN, COPY, …, and the rest of its line."""

    instruction: str
    rest: str

    @property
    def argv(self) -> list[str]:
        """The words of a JSON form, as ENTRYPOINT and HEALTHCHECK … CMD have it."""
        words: list[str] = json.loads(self.rest[self.rest.index("[") :])
        return words


@dataclass(frozen=True, slots=True)
class Stage:
    """From one FROM to the next."""

    base: str
    name: str | None
    steps: tuple[Step, ...]

    def all_of(self, instruction: str) -> list[Step]:
        """The steps of one instruction, in order."""
        return [step for step in self.steps if step.instruction == instruction]


def read(file: Path) -> list[Stage]:
    """The stages of a Dockerfile."""
    kept = [
        line
        for line in file.read_text(encoding="utf-8").splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]
    joined = "\n".join(kept).replace("\\\n", " ")
    stages: list[Stage] = []
    for line in joined.splitlines():
        instruction, rest = line.split(maxsplit=1)
        if instruction == "FROM":
            base, *alias = rest.split()
            stages.append(Stage(base, alias[1] if alias else None, ()))
            continue
        last = stages.pop()
        stages.append(Stage(last.base, last.name, (*last.steps, Step(instruction, rest))))
    return stages


def play(stage: Stage, *, context: Path, folder: Path, environment: dict[str, str]) -> None:
    """Do a stage's WORKDIR, COPY and RUN with /opt, /src and /var inside the folder."""
    here = folder
    for step in stage.steps:
        match step.instruction:
            case "WORKDIR":
                here = folder / step.rest.lstrip("/")
                here.mkdir(parents=True, exist_ok=True)
            case "COPY":
                *sources, target = step.rest.split()
                for source in sources:
                    copy(context / source, here / target, is_folder=target.endswith("/"))
            case "RUN":
                command = STAGE_PATHS.sub(f"{folder}/", step.rest)
                # Parents that an image has from its base.
                (folder / "opt").mkdir(exist_ok=True)
                run(command, here=here, environment=environment)
            case other:
                raise ValueError(f"{other} can't be played into a folder")


def copy(source: Path, target: Path, *, is_folder: bool) -> None:
    """COPY of one source: a folder's content, or a file into a folder or under a name."""
    if source.is_dir():
        skip = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, target, ignore=skip, dirs_exist_ok=True)
        return
    place = target / source.name if is_folder else target
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, place)


def run(command: str, *, here: Path, environment: dict[str, str]) -> None:
    """RUN: by the shell, as Docker does."""
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=here,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode:
        raise AssertionError(f"{command}\nended with {done.returncode}:\n{done.stderr[-2000:]}")
