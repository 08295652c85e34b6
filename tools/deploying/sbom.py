"""What the product is made of, as CycloneDX 1.6 (`make sbom`): the packages of requirements-otel.lock with licences and
hashes, and the npm packages of the demo's page (scope optional: `serve` has no use for them).

The packages are read where they are installed, since the lock has no licences: the environment of the tests, which is
locked to the same releases, or the one of `--python`. What is there besides, such as the tests' own, is left out.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from tools.deploying.__main__ import checkers

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements-otel.lock"
PAGE = ROOT / "sandbox/page/package-lock.json"
# What some packages call their licence, in SPDX's words.
_SPDX = {
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: BSD License": "BSD-3-Clause",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
_SAID_OTHERWISE = {"protobuf": "BSD-3-Clause"}  # "3-Clause BSD License", which the reader of packages drops
_VALIDATE = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(sys.argv[1], encoding="utf-8").read())
sys.exit(str(wrong) if wrong else 0)
"""


def canonical(name: str) -> str:
    """As package indexes compare names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked() -> dict[str, list[str]]:
    """Canonical name -> its files' SHA-256."""
    entry = re.compile(r"^([A-Za-z0-9._-]+)==.*\n((?: +--hash=sha256:.*\n)+)", re.MULTILINE)
    found = entry.findall(LOCK.read_text(encoding="utf-8"))
    return {canonical(name): re.findall(r"sha256:([0-9a-f]{64})", hashes) for name, hashes in found}


def installed(python: str) -> dict[str, Any]:
    """The document about everything in an environment."""
    command = [checkers() / "cyclonedx-py", "environment", "--pyproject", "pyproject.toml", "--mc-type", "application"]
    options = ["--output-reproducible", "--sv", "1.6", "--of", "JSON", python]
    done = subprocess.run([*command, *options], cwd=ROOT, check=True, stdout=subprocess.PIPE)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def licences(component: dict[str, Any]) -> list[str]:
    """SPDX expressions, once each; of several ways to say it the one that SPDX knows."""
    said = []
    for one in component.get("licenses", []):
        licence = one.get("license", {})
        name = one.get("expression") or licence.get("id") or _SPDX.get(licence.get("name", ""), "")
        if name and name not in said:
            said.append(name)
    return said or [one for name, one in _SAID_OTHERWISE.items() if name == component["name"]]


def of_the_page() -> list[dict[str, Any]]:
    """The npm packages that draw the demo's cards."""
    packages = json.loads(PAGE.read_text(encoding="utf-8"))["packages"]
    return [
        {
            "type": "library",
            "bom-ref": f"npm:{place}",
            "name": place.rpartition("node_modules/")[2],
            "version": one["version"],
            "scope": "optional",
            "licenses": [{"license": {"id": one["license"]}}],
            "purl": f"pkg:npm/{place.rpartition('node_modules/')[2]}@{one['version']}",
        }
        for place, one in sorted(packages.items())
        if place
    ]


def reduced(document: dict[str, Any]) -> dict[str, Any]:
    """That document with what the lock names, and nothing else."""
    hashes, kept = locked(), []
    for one in document["components"]:
        name = canonical(one["name"])
        if name not in hashes:
            continue
        spdx = licences(one)
        if len(spdx) == 1 and " " not in spdx[0]:
            one["licenses"] = [{"license": {"id": spdx[0]}}]
        elif spdx:
            several = [f"({each})" if " " in each and len(spdx) > 1 else each for each in spdx]
            one["licenses"] = [{"expression": " AND ".join(several)}]
        one["scope"] = "required"
        one["properties"] = [{"name": "photosync:locked-file:sha256", "value": digest} for digest in hashes[name]]
        kept.append(one)
    refs = {one["bom-ref"] for one in kept} | {document["metadata"]["component"]["bom-ref"]}
    for one in document["dependencies"]:
        one["dependsOn"] = [ref for ref in one.get("dependsOn", ()) if ref in refs]
    document["components"] = kept + of_the_page()
    document["dependencies"] = [one for one in document["dependencies"] if one["ref"] in refs]
    return document


def main(arguments: list[str]) -> int:
    """Exit status 1 where a licence is not known or the document breaks CycloneDX's schema."""
    parser = argparse.ArgumentParser(prog="make sbom")
    parser.add_argument("--python", default=sys.executable, help="the environment that is read")
    parser.add_argument("--out", type=Path, default=ROOT / "dist/photosync.cdx.json")
    chosen = parser.parse_args(arguments)
    document = reduced(installed(chosen.python))
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    by_licence: dict[str, list[str]] = defaultdict(list)
    for one in document["components"]:
        by_licence[" AND ".join(licences(one)) or "unknown"].append(one["name"])
    for licence, names in sorted(by_licence.items(), key=lambda entry: -len(entry[1])):
        sys.stdout.write(f"| {licence} | {', '.join(sorted(names, key=str.lower))} |\n")
    valid = subprocess.run([checkers() / "python", "-c", _VALIDATE, chosen.out], check=False)
    sys.stdout.write(f"{chosen.out}: {len(document['components'])} components\n")
    return 1 if valid.returncode or "unknown" in by_licence else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
