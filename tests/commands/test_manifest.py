"""`photosync manifest`: a package that Teams takes, in every language there is."""

from __future__ import annotations

import io
import json
import os
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot import resources
from bot.app_package.build import AppPackage, branded, build
from bot.app_package.rules import problems
from bot.languages.catalogs import Languages
from bot.settings import Use, read
from bot.understanding.understand import Understanding
from dialogs.library import Library
from tests import official
from tests.command import command
from tests.language_files import LANGUAGES, VARIANTS

PACKAGED = (*LANGUAGES, *VARIANTS)
ROOT = Path(__file__).resolve().parents[2]
ID = "11111111-2222-3333-4444-555555555555"
VALUES = {"app_id": ID, "host": "photosync.contoso.com", "version": "1.2.3"}
TITLE = "bots[0].commandLists[0].commands[{}].title"


def photosync(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The command in a folder, with nothing set but the bot's id."""
    return subprocess.run(
        command("manifest", *arguments), cwd=folder, capture_output=True, text=True, timeout=60, check=False,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "MicrosoftAppId": ID, **environ},
    )  # fmt: skip


def unpacked(file: Path) -> dict[str, Any]:
    """The JSON files of a package by name."""
    with zipfile.ZipFile(file) as archive:
        return {name: json.loads(archive.read(name)) for name in archive.namelist() if name.endswith(".json")}


def po(folder: Path, tag: str, **sentences: str) -> None:
    """A catalogue with these sentences; `__` in a name stands for the dot."""
    folder.mkdir(exist_ok=True)
    header = f'msgid ""\nmsgstr ""\n"Language: {tag}\\n"\n"Content-Type: text/plain; charset=UTF-8\\n"\n"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n'
    entries = [
        f'msgctxt "{name.replace("__", ".")}"\nmsgid "source"\nmsgstr {json.dumps(text, ensure_ascii=False)}\n'
        for name, text in sentences.items()
    ]
    (folder / f"{tag}.po").write_text("\n".join([header, *entries]), encoding="utf-8")


@pytest.fixture(scope="module")
def package(spoken: Languages) -> AppPackage:
    return build(resources.manifest(), spoken, VALUES)


@pytest.fixture(scope="module", autouse=True)
def _schemas() -> None:
    assert official.installed(), "make setup installs Microsoft's schemas"


# ---- what Microsoft's schemas say ----


def test_microsofts_schema_takes_the_manifest(tmp_path: Path) -> None:
    done = photosync(tmp_path, "--host", "photosync.contoso.com")
    assert (done.returncode, done.stderr) == (0, "")
    assert official.wrong(unpacked(tmp_path / "photosync.zip")["manifest.json"]) == []


@pytest.mark.parametrize("tag", PACKAGED)
def test_microsofts_schema_takes_every_language_file(package: AppPackage, tag: str) -> None:
    assert official.wrong(json.loads(package.files()[f"{tag}.json"])) == []


def test_microsofts_schema_refuses_what_the_older_manifest_had(package: AppPackage) -> None:
    manifest = json.loads(package.files()["manifest.json"])
    manifest["bots"][0]["scopes"] = ["groupchat"]
    manifest["surprise"] = True
    assert len(official.wrong(manifest)) == 2


def test_no_lower_version_of_the_manifest_would_do(package: AppPackage) -> None:
    manifest = json.loads(package.files()["manifest.json"].replace(b"1.19", b"1.17"))  # Microsoft has no 1.18 there
    assert any("defaultLanguageFile" in line for line in official.wrong(manifest))


LIMITS = [
    ("name.short", 30), ("name.full", 100), ("description.short", 80), ("description.full", 4000),
    (TITLE.format(0), 32), (TITLE.format(4).replace("title", "description"), 128),
]  # fmt: skip


@pytest.mark.parametrize(("where", "longest"), LIMITS)
def test_a_sentence_as_long_as_teams_takes_passes_and_one_letter_more_does_not(
    package: AppPackage, where: str, longest: int
) -> None:
    for length in (longest, longest + 1):
        changed = replace(package, sentences={"sv": {**package.sentences["sv"], where: "x" * length}})
        says = bool(official.wrong(json.loads(changed.files()["sv.json"])))
        assert (says, bool(problems(changed))) == (length > longest, length > longest)


# ---- what is in it ----


def test_a_package_is_the_manifest_two_icons_and_a_file_per_language(tmp_path: Path) -> None:
    photosync(tmp_path, "--out", "app.zip")
    with zipfile.ZipFile(tmp_path / "app.zip") as archive:
        names = archive.namelist()
    tags = [path.stem for path in resources.LOCALES.glob("*.po")]
    assert names == sorted(["manifest.json", "color.png", "outline.png", *(f"{tag}.json" for tag in tags)])


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    contents = set()
    for number, zone in enumerate(("UTC", "Asia/Tokyo")):
        photosync(tmp_path, "--out", f"{number}.zip", TZ=zone, PYTHONHASHSEED=str(number))
        contents.add((tmp_path / f"{number}.zip").read_bytes())
    assert len(contents) == 1
    with zipfile.ZipFile(tmp_path / "0.zip") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_id_host_and_version_are_those_of_the_installation(tmp_path: Path) -> None:
    done = photosync(tmp_path, "--host", "Bot.Contoso.com", "--app-version", "4.5.6")
    manifest = unpacked(tmp_path / "photosync.zip")["manifest.json"]
    assert (manifest["id"], manifest["bots"][0]["botId"], manifest["version"]) == (ID, ID, "4.5.6")
    assert manifest["developer"]["privacyUrl"] == "https://bot.contoso.com/privacy"
    assert "version 4.5.6" in done.stdout


def test_the_address_of_the_pages_is_the_packages_too(tmp_path: Path) -> None:
    done = photosync(tmp_path, PHOTOSYNC_PAGE_URL="https://Photosync.Contoso.com/")
    manifest = unpacked(tmp_path / "photosync.zip")["manifest.json"]
    assert manifest["developer"]["termsOfUseUrl"] == "https://photosync.contoso.com/terms"
    assert done.stderr == ""


def test_links_that_lead_nowhere_are_told(tmp_path: Path) -> None:
    done = photosync(tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    assert "photosync.example; --host" in done.stderr


@pytest.mark.parametrize("tag", PACKAGED)
def test_descriptions_and_commands_are_those_of_the_catalogue(package: AppPackage, spoken: Languages, tag: str) -> None:
    entries = spoken.translations.catalogs[tag].entries
    file = json.loads(package.files()[f"{tag}.json"])
    assert file["description.full"] == entries["manifest.full"][0]
    assert file[TITLE.format(0)] == entries["button.fix"][0]
    assert tag not in package.in_english


def test_the_manifest_itself_speaks_english(package: AppPackage) -> None:
    first = package.manifest["bots"][0]["commandLists"][0]["commands"][0]
    assert first["title"] == package.sentences["en"][TITLE.format(0)] == "My photo is wrong"


@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_chosen_command_is_understood_as_its_action(
    package: AppPackage, spoken: Languages, shelf: Library, understanding: Understanding, tag: str
) -> None:
    menu = shelf.step("desk.menu")
    # What Teams sends is the title; the client's language need not be the one that the person last wrote in.
    wanted, understood = [], {tag: [], "en": []}  # type: dict[str, list[str]]
    for where, key in package.keys.items():
        if where.endswith("].title"):
            wanted.append(key.removeprefix("button."))
            for locale, found in understood.items():
                text = package.sentences[tag][where] + " "
                found.append(understanding.understand(text, locale, menu, spoken.vocabulary).action)
    assert understood == dict.fromkeys(understood, wanted)
    assert wanted == ["fix", "check", "add", "ticket", "language"]


# a Teams client | the file that its user reads
CLIENTS = [("sv", "sv"), ("zh-Hans", "zh-Hans"), ("pt-BR", "pt-BR"), ("zh-CN", "zh-Hans"), ("zh-TW", "zh-Hant"), ("pt-PT", "pt-PT"), ("en-GB", "en-GB")]  # fmt: skip


@pytest.mark.parametrize(("client", "file"), CLIENTS)
def test_a_client_finds_the_file_of_its_language(package: AppPackage, client: str, file: str) -> None:
    files = {one["languageTag"]: one["file"] for one in package.manifest["localizationInfo"]["additionalLanguages"]}
    assert files[client] == f"{file}.json"
    assert "en" not in files


# ---- one more PO file ----


def test_a_new_language_appears_with_its_file(tmp_path: Path) -> None:
    own = {"app__name": "Photosync", "manifest__short": "Foto zaharra?", "manifest__full": "Argazkiak alderatzen ditu."}
    commands = {f"{kind}__{action}": f"{kind} {action}, euskaraz" for kind in ("button", "manifest") for action in ("fix", "check", "add", "ticket", "language")}  # fmt: skip
    po(tmp_path / "own", "eu", **own, **commands)
    done = photosync(tmp_path, "--host", "a.example", PHOTOSYNC_LOCALES_DIR="own")
    assert (done.returncode, done.stderr) == (0, "")
    files = unpacked(tmp_path / "photosync.zip")
    others = files["manifest.json"]["localizationInfo"]["additionalLanguages"]
    assert {"languageTag": "eu", "file": "eu.json"} in others
    assert files["eu.json"]["description.short"] == "Foto zaharra?"
    assert files["eu.json"][TITLE.format(3)] == "button ticket, euskaraz"
    assert official.wrong(files["manifest.json"]) + official.wrong(files["eu.json"]) == []


def test_what_a_language_lacks_is_english_and_told(tmp_path: Path) -> None:
    po(tmp_path / "own", "eu", app__name="Photosync", manifest__short="Foto zaharra?")
    done = photosync(tmp_path, "--host", "a.example", PHOTOSYNC_LOCALES_DIR="own")
    (told,) = done.stderr.splitlines()
    assert told.startswith("photosync: eu: English in place of manifest.full, button.fix, manifest.fix")
    assert "manifest.short" not in told
    file = unpacked(tmp_path / "photosync.zip")["eu.json"]
    assert (file["description.short"], file[TITLE.format(0)]) == ("Foto zaharra?", "My photo is wrong")


def test_a_region_speaks_its_language_where_it_has_no_word_of_its_own(tmp_path: Path) -> None:
    po(tmp_path / "own", "fr-CH", manifest__short="Pour la Suisse")
    done = photosync(tmp_path, "--host", "a.example", PHOTOSYNC_LOCALES_DIR="own")
    files = unpacked(tmp_path / "photosync.zip")
    assert done.stderr == ""
    assert files["fr-CH.json"] == {**files["fr.json"], "description.short": "Pour la Suisse"}


# ---- what is refused ----

REFUSED = [
    ("too long for Teams", "sv", {"manifest__short": "å" * 81}, "sv.po:9: manifest.short: 81 characters; at most 80 have room"),
    ("too long as Teams counts", "sv", {"button__fix": "📷" * 17}, "sv.po: button.fix has 34 characters, and Teams takes 32"),
    ("blank", "sv", {"manifest__full": " "}, "sv.po:9: manifest.full: begins or ends with a blank"),
    ("two commands of one title", "sv", {"button__fix": "Bild", "button__check": "bild"}, 'sv.po: 2 commands are called "bild"'),
    ("a placeholder in English", "en", {"app__name": "{name}"}, "en.po:9: app.name: {name} is not in the English; there is none"),
]  # fmt: skip


@pytest.mark.parametrize(("tag", "sentences", "line"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_teams_would_refuse_is_not_built(tmp_path: Path, tag: str, sentences: dict[str, str], line: str) -> None:
    po(tmp_path / "own", tag, **sentences)
    done = photosync(tmp_path, PHOTOSYNC_LOCALES_DIR="own")
    # The log beside it tells of the other languages, which no longer fit another English.
    told = [text for text in done.stderr.splitlines() if not text.startswith("{")]
    assert (done.returncode, told) == (1, [f"photosync: {line}"])
    assert not (tmp_path / "photosync.zip").exists()


def png(size: int, *colours: tuple[int, int, int, int]) -> bytes:
    image = Image.new("RGBA", (size, size), colours[0])
    for place, colour in enumerate(colours):
        image.putpixel((place, 0), colour)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


WHITE, NOTHING, GREY, HALF = (255, 255, 255, 255), (0, 0, 0, 0), (254, 254, 254, 9), (255, 255, 255, 128)
ICONS = [
    ("as it should be", "outline.png", png(32, NOTHING, WHITE, HALF), []),
    ("of another size", "outline.png", png(33, NOTHING, WHITE), ["outline.png has 33 x 33 pixels, and has to have 32 x 32"]),
    ("not white", "outline.png", png(32, NOTHING, WHITE, GREY), ["outline.png shows another colour than white"]),
    ("all white", "outline.png", png(32, WHITE), ["outline.png has no transparent part"]),
    ("all transparent", "outline.png", png(32, NOTHING), ["outline.png shows nothing"]),
    ("too small", "color.png", png(96, WHITE), ["color.png has 96 x 96 pixels, and has to have 192 x 192"]),
    ("cut", "outline.png", png(32, NOTHING, WHITE)[:60], ["outline.png is not a PNG picture"]),
    ("no picture", "color.png", b"GIF89a", ["color.png is not a PNG picture"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "lines"), [row[1:] for row in ICONS], ids=[row[0] for row in ICONS])
def test_an_icon_that_teams_would_refuse_is_told(package: AppPackage, name: str, content: bytes, lines: list[str]) -> None:  # fmt: skip
    changed = replace(package, icons={**package.icons, name: content})
    assert list(problems(changed)) == lines


def test_a_missing_icon_is_told(package: AppPackage) -> None:
    assert problems(replace(package, icons={})) == ("color.png is not a PNG picture", "outline.png is not a PNG picture")  # fmt: skip


# ---- whose app it is ----

OWN = {
    "PHOTOSYNC_APP_NAME": "Contoso Fotohilfe",
    "PHOTOSYNC_APP_DEVELOPER": "Contoso IT",
    "PHOTOSYNC_APP_COLOR": "#a0B0c0",
}


def own_package(tmp_path: Path, spoken: Languages, **changes: str) -> AppPackage:
    color, outline = tmp_path / "our.png", tmp_path / "small.png"
    color.write_bytes(png(192, WHITE))
    outline.write_bytes(png(32, NOTHING, WHITE))
    icons = {"PHOTOSYNC_APP_ICON": str(color), "PHOTOSYNC_APP_ICON_OUTLINE": str(outline)}
    source, values = branded(resources.manifest(), read({"MicrosoftAppId": ID, **OWN, **icons, **changes}, Use.PACKAGE))
    return build(source, spoken, {**VALUES, **values})


def test_an_organisations_own_app_has_its_name_in_every_language_and_its_icons(
    tmp_path: Path, spoken: Languages
) -> None:
    made = own_package(tmp_path, spoken)
    files = made.files()
    manifest = json.loads(files["manifest.json"])
    assert (official.wrong(manifest), problems(made)) == ([], ())
    assert (manifest["name"]["short"], manifest["developer"]["name"]) == (OWN["PHOTOSYNC_APP_NAME"], "Contoso IT")
    assert manifest["accentColor"] == "#a0B0c0"
    assert not any("name.short" in sentences for sentences in made.sentences.values())
    assert files["color.png"] == png(192, WHITE)


OWN_FAULTS = [
    ({"PHOTOSYNC_APP_NAME": "x" * 31}, "PHOTOSYNC_APP_NAME has 31 characters, and Teams takes 30"),
    ({"PHOTOSYNC_APP_DEVELOPER": "x" * 33}, "PHOTOSYNC_APP_DEVELOPER has 33 characters, and Teams takes 32"),
    ({"PHOTOSYNC_APP_ICON": str(resources.MANIFEST / "outline.png")}, "color.png has 32 x 32 pixels, and has to have 192 x 192"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "line"), OWN_FAULTS, ids=range(len(OWN_FAULTS)))
def test_an_own_app_that_teams_would_refuse_is_told(
    tmp_path: Path, spoken: Languages, changes: dict[str, str], line: str
) -> None:
    assert problems(own_package(tmp_path, spoken, **changes)) == (line,)


WRONG_USE = [
    ("no id", [], {"MicrosoftAppId": ""}, 2, "MicrosoftAppId is missing"),
    ("an id of another form", [], {"MicrosoftAppId": "contoso"}, 2, "MicrosoftAppId must be an id like"),
    ("an address as host", ["--host", "https://a.example"], {}, 2, "must be a host name"),
    ("a host with a hole", ["--host", "a..example"], {}, 2, "must be a host name"),
    ("a host that only a network of one's own knows", ["--host", "photosync"], {}, 2, "must be a host name"),
    ("a version of another form", ["--app-version", "1.0rc1"], {}, 1, "the app's version is 1.0rc1"),
    ("a version in other figures", ["--app-version", "1.1\u0661.0"], {}, 1, "has to be three numbers such as 1.0.0"),
    ("a version that is too long", ["--app-version", f"1.0.{'9' * 253}"], {}, 1, "has 257 characters, and Teams takes 256"),
    ("a file that cannot be", ["--out", "none/app.zip"], {}, 1, "none/app.zip cannot be written"),
    ("no such folder of languages", [], {"PHOTOSYNC_LOCALES_DIR": "none"}, 2, "PHOTOSYNC_LOCALES_DIR"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "environ", "status", "line"), [row[1:] for row in WRONG_USE], ids=[row[0] for row in WRONG_USE])  # fmt: skip
def test_wrong_use_is_told_and_nothing_is_written(tmp_path: Path, arguments: list[str], environ: dict[str, str], status: int, line: str) -> None:  # fmt: skip
    done = photosync(tmp_path, *arguments, **environ)
    assert (done.returncode, line in done.stderr, "Traceback" in done.stderr) == (status, True, False)
    assert list(tmp_path.iterdir()) == []
