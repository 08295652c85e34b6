"""An installed wheel works outside the checkout: everything the program reads is in it. What is passed on as source has
everything that its README and Makefile need, and nothing that an installation wrote."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder

ROOT = Path(__file__).resolve().parent.parent

LOOK = """
import json, bot, sandbox
from bot import resources
from bot.languages import packaged
spoken = packaged.languages()
pictures = resources.illustrations()
print(json.dumps({
    "bot": bot.__file__, "sandbox": sandbox.__file__, "tags": spoken.tags, "pictures": sorted(pictures),
    "topics": sorted(packaged.topics(spoken, pictures).topics),
}))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the unpacked wheel."""
    made = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(made)], cwd=ROOT, check=True, capture_output=True)  # fmt: skip
    (wheel,) = made.glob("*.whl")
    folder = made / "a folder with spaces"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run(installed: Path, cwd: Path, *arguments: str, **environ: str) -> str:
    done = subprocess.run([sys.executable, *arguments], cwd=cwd, env={"PYTHONPATH": str(installed), "PATH": "/usr/bin:/bin", **environ}, check=True, capture_output=True, text=True, timeout=60)  # fmt: skip
    return done.stdout


def test_topics_languages_and_pictures_come_with_the_wheel(installed: Path, tmp_path: Path) -> None:
    # A folder of the same name where the command is run must not get in the way.
    (tmp_path / "locales").mkdir()
    found = json.loads(run(installed, tmp_path, "-c", LOOK))
    assert str(installed) in found["bot"]
    assert str(installed) in found["sandbox"]
    assert {"en", "zh-Hans", "lv", "sv", "ru"} <= set(found["tags"])
    assert {"resync", "add_photo", "still_old"} <= set(found["topics"])
    assert {"private_window", "circle.rtl"} <= set(found["pictures"])


@pytest.mark.parametrize(
    "file",
    [
        "manifest/manifest.json",
        "manifest/color.png",
        "sandbox/page/index.html",
        "sandbox/page/package-lock.json",
        "sandbox/page/cards.js",
        "sandbox/photos/crowd-0-0.webp",
        "bot/commands/preview/page.js",
        "bot/commands/preview/page.css",
        "bot/pages/style.css",
        "locales/lint/default.toml",
    ],
)
def test_the_manifest_and_the_page_come_with_the_wheel(installed: Path, file: str) -> None:
    assert (installed / file).is_file()


def test_the_app_package_is_built_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    run(installed, tmp_path, "-m", "bot", "manifest", MicrosoftAppId="11111111-2222-3333-4444-555555555555")
    with zipfile.ZipFile(tmp_path / "photosync.zip") as archive:
        assert {"manifest.json", "color.png", "outline.png", "en.json", "lv.json"} <= set(archive.namelist())


def test_nothing_of_others_and_no_test_is_in_the_wheel(installed: Path) -> None:
    names = {path.relative_to(installed).parts[0] for path in installed.rglob("*") if path.is_file()}
    assert {name for name in names if not name.endswith(".dist-info")} == {
        "bot",
        "dialogs",
        "sandbox",
        "locales",
        "manifest",
    }
    assert not [path for path in installed.rglob("*") if "node_modules" in path.parts]


def test_the_command_line_answers(installed: Path, tmp_path: Path) -> None:
    assert "photosync" in run(installed, tmp_path, "-m", "bot", "--help")


def test_the_source_archive_has_what_its_readme_and_makefile_need() -> None:
    inside = {Path(one.distribution_path) for one in SdistBuilder(str(ROOT)).recurse_included_files()}
    inside |= {folder for path in inside for folder in path.parents}
    links = re.findall(r"\]\(([^)#:\s]+)[^)]*\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    modules = re.findall(r"-m (?!pytest)([a-z_.]+)", (ROOT / "Makefile").read_text(encoding="utf-8"))
    needed = {Path(link) for link in links} | {Path(*module.split(".")[:1]) for module in modules}
    assert {Path("docs/setup.md"), Path("benchmarks")} <= needed
    assert needed - inside == set()


@pytest.mark.parametrize(
    "written",
    [
        ".env",
        "deploy/.env",
        "deploy/photosync.env",
        "photosync-certificate.pem",
        "photosync-setup-mail.txt",
        "photosync.db-wal",
        "photosync.zip",
        "photosync/bin/photosync",
        "preview-lv/index.html",
        "report.csv",
    ],
)
def test_what_an_installation_writes_into_a_checkout_is_not_committed(written: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / ".gitignore", tmp_path)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    assert subprocess.run(["git", "check-ignore", "-q", written], cwd=tmp_path, check=False).returncode == 0
