"""deploy/ by the programs that know such files (`make deploy-check`), and the image's steps without an image.

The checkers are large and belong to no environment of the product or its tests: they have one of their own.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tools.deploying import image
from tools.environment import packages

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".venv-deploy"


def checkers() -> Path:
    """The folder of the checkers' programs; they are installed when they are first needed."""
    packages(FOLDER, ROOT / "tools/deploying/packages.lock", "what checks deploy/")
    return FOLDER / ("Scripts" if sys.platform == "win32" else "bin")


def main() -> int:
    """Exit status 1 where something is wrong."""
    programs = checkers()
    manifests = sorted(map(str, (ROOT / "deploy/kubernetes").glob("*.yaml")))
    commands = {
        "hadolint": [programs / "hadolint", "deploy/Containerfile"],
        "kubernetes-validate": [programs / "kubernetes-validate", "--strict", "--quiet", *manifests],
    }
    failed = 0
    for name, command in commands.items():
        done = subprocess.run(command, cwd=ROOT, check=False)
        sys.stdout.write(f"{name}: {'FAILED' if done.returncode else 'ok'}\n")
        failed |= done.returncode
    image.main()
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
