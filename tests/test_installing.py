"""The set-up installs what the lock names, whatever has been released since, with old pips and new ones.

The index on loopback has every locked package in the locked version and a newer one, with the dependencies and extras
that the real releases declare (read off what is installed here) and nothing else in them.
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
import subprocess
import sys
import threading
import venv
import zipfile
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from pathlib import Path

import pytest

from tools import setup

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-node.lock")
# name==version, what may follow of a marker, and its hashes on lines of their own
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\\n]+)([^\\\n]*)\\?\n(?: +--hash=\S+(?: \\)?\n)+", re.MULTILINE)
PIPS = sorted((Path(sys.prefix) / "pips").glob("*/pip-*.whl"))


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned(lock: str) -> dict[str, str]:
    """Canonical name -> locked version."""
    return {canonical(found[1]): found[2] for found in PINNED.finditer((ROOT / lock).read_text(encoding="utf-8"))}


def declared(name: str) -> str:
    """The dependencies and extras of a real release, as lines of its metadata."""
    try:
        real = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return ""  # of another platform: nothing here asks for it
    fields = ("Requires-Dist", "Provides-Extra")
    return "".join(f"{field}: {value}\n" for field in fields for value in real.get_all(field) or ())


def release(folder: Path, name: str, version: str) -> str:
    """Put an empty wheel into the index; returns its sha256."""
    stem = f"{name.replace('-', '_')}-{version}"
    target = folder / "files" / f"{stem}-py3-none-any.whl"
    inside = f"{stem}.dist-info"
    with zipfile.ZipFile(target, "w") as wheel:
        wheel.writestr(
            f"{inside}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{declared(name)}\n"
        )
        wheel.writestr(
            f"{inside}/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{inside}/RECORD", "")
    return hashlib.sha256(target.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The index's address, and a folder with the lock files under its hashes."""
    folder = tmp_path_factory.mktemp("index")
    (folder / "files").mkdir()
    hashes: dict[str, str] = {}
    for name, version in {one: at for lock in LOCKS for one, at in pinned(lock).items()}.items():
        wheels = {}
        for one in (version, f"{version}.1"):
            wheels[f"{name.replace('-', '_')}-{one}-py3-none-any.whl"] = release(folder, name, one)
        hashes[name] = wheels[f"{name.replace('-', '_')}-{version}-py3-none-any.whl"]
        page = folder / "simple" / name / "index.html"
        page.parent.mkdir(parents=True)
        page.write_text(
            "".join(f'<a href="../../files/{file}#sha256={digest}">{file}</a>\n' for file, digest in wheels.items())
        )
    for lock in LOCKS:
        text = (ROOT / lock).read_text(encoding="utf-8")
        (folder / lock).write_text(
            PINNED.sub(
                lambda found: f"{found[1]}=={found[2]}{found[3]} --hash=sha256:{hashes[canonical(found[1])]}\n", text
            )
        )

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(folder))  # type: ignore[arg-type]

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/simple/", folder
        server.shutdown()
        thread.join()


def environ(address: str) -> dict[str, str]:
    """Nothing of this machine's own configuration of pip, and no other index."""
    ours = {name: value for name, value in os.environ.items() if not name.upper().startswith("PIP_")}
    return {
        **ours,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": address,
        "PIP_NO_CACHE_DIR": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def bare(folder: Path) -> Path:
    """The Python of an environment with nothing in it."""
    venv.create(folder, with_pip=False)
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def run(command: list[str], address: str) -> str:
    done = subprocess.run(command, env=environ(address), capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def installed(python: Path) -> dict[str, str]:
    listing = "import importlib.metadata as m; [print(d.name, d.version) for d in m.distributions()]"
    lines = subprocess.run([python, "-c", listing], check=True, capture_output=True, text=True).stdout.splitlines()
    return {canonical(name): version for name, version in (line.split(" ") for line in lines)}


def works_here(pip: Path) -> bool:
    """pip before 23.2 does not start on Python 3.12."""
    return "oldest" not in pip.parts or sys.version_info < (3, 12)


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, str]:
    """Each pip as a folder: from its wheel, all of it is compiled anew at every start."""
    folders = {}
    for pip in PIPS:
        folders[pip] = tmp_path_factory.mktemp("pip")
        with zipfile.ZipFile(pip) as wheel:
            wheel.extractall(folders[pip])
    return {pip: str(folder / "pip") for pip, folder in folders.items()}


def test_an_old_pip_and_a_new_one_were_set_up() -> None:
    assert [path.parent.name for path in PIPS] == ["newest", "oldest"]


# The largest lock with each pip, the others with one.
PAIRS = [(lock, pip) for lock in LOCKS for pip in PIPS if works_here(pip) and (pip is PIPS[0] or lock == LOCKS[1])]


@pytest.mark.parametrize(("lock", "pip"), PAIRS, ids=[f"{lock}-{pip.name.split('-')[1]}" for lock, pip in PAIRS])
def test_the_locked_releases_are_installed_though_newer_ones_are_out(
    index: tuple[str, Path], unpacked: dict[Path, str], tmp_path: Path, lock: str, pip: Path
) -> None:
    address, folder = index
    python = bare(tmp_path / "environment")
    command = [str(python), unpacked[pip]]
    run(setup.locked(command, str(folder / lock)), address)
    here = installed(python)
    wanted = pinned(lock)
    assert {name: wanted[name] for name in here} == here
    assert set(wanted) - set(here) <= {"colorama"}  # for Windows alone


def test_the_index_does_have_newer_releases(index: tuple[str, Path], unpacked: dict[Path, str], tmp_path: Path) -> None:
    address, _ = index
    python = bare(tmp_path / "environment")
    run([str(python), unpacked[PIPS[0]], "install", "--quiet", "pytest-cov"], address)
    here = installed(python)
    assert here["pytest-cov"] == pinned("requirements-dev.lock")["pytest-cov"] + ".1"
    assert here["coverage"] == pinned("requirements-dev.lock")["coverage"] + ".1"


def test_every_extra_that_a_locked_package_asks_for_was_in_the_index() -> None:
    asked = {
        re.split(r"[ \[<>=!~;(]", line)[0]
        for name in pinned("requirements-dev.lock")
        for line in _requires(name)
        if "[" in line.split(";")[0]
    }
    assert "coverage" in asked  # what broke the set-up once


def _requires(name: str) -> list[str]:
    try:
        return metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return []


def test_production_gets_no_test_tool_and_nothing_that_only_the_demo_needs() -> None:
    assert not {"pytest", "hypothesis", "mypy", "ruff", "playwright", "trustme"} & set(pinned("requirements.lock"))


def test_production_and_development_are_locked_to_the_same_releases() -> None:
    development = pinned("requirements-dev.lock")
    image = pinned("requirements-otel.lock")
    assert {name: development[name] for name in image} == image
    assert {name: image[name] for name in pinned("requirements.lock")} == pinned("requirements.lock")


def test_a_python_that_is_too_old_can_read_the_set_up_which_says_so() -> None:
    read = ast.parse((ROOT / "tools/setup.py").read_text(encoding="utf-8"), feature_version=(3, 6))
    assert "__future__" not in {one.module for one in ast.walk(read) if isinstance(one, ast.ImportFrom)}
    annotations = [one.annotation for one in ast.walk(read) if isinstance(one, ast.arg)]
    annotations += [one.returns for one in ast.walk(read) if isinstance(one, ast.FunctionDef)]
    assert [one for one in annotations if isinstance(one, ast.Subscript)] == []


def test_without_what_the_demo_needs_it_names_the_extra(tmp_path: Path) -> None:
    code = "import sys; sys.modules['trustme'] = None; from bot.__main__ import main; sys.exit(main(['demo']))"
    finder = "import importlib.util as u; real = u.find_spec; u.find_spec = lambda n, *a: None if n == 'trustme' else real(n, *a); "
    done = subprocess.run([sys.executable, "-c", finder + code], cwd=tmp_path, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)})  # fmt: skip
    assert done.returncode == 2
    assert "photosync-teams-bot[demo]" in done.stderr
    assert "Traceback" not in done.stderr
