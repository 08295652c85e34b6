"""Sentences that were not understood: kept where the installation wants that, without what tells who wrote them."""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.commands.locales.unknown import show
from bot.errors import LocalesError
from bot.languages.catalogs import Languages
from bot.understanding.unknown import UnknownSentences
from tests.chatting import scene

DAY = 86_400.0
PRINTER = "the printer on floor three eats paper"

# the language of the person | what Anna Berg wrote | what is kept of it
KEPT = [
    ("en", "the toaster is broken", "the toaster is broken"),
    ("en", "ask Peter Svensson about the toaster", "ask … about the toaster"),
    ("en", "Peter's toaster is broken", "… toaster is broken"),
    ("en", "My toaster, says Jean-Luc, is broken", "My toaster, says …, is broken"),
    ("en", "it is anna berg here, the toaster is broken", "it is … here, the toaster is broken"),
    ("en", "the toaster: call +46 70 123 45 67 or room B12", "the toaster: call … or room …"),
    ("en", "write to peter@fabrikam.example or @peter about toast", "write to … or … about toast"),
    ("en", "see https://wiki.fabrikam.example/a?b=c and wiki.fabrikam.example/toast", "see … and …"),
    ("de", "der Drucker von Peter druckt mein Foto blau", "der … von … druckt mein Foto blau"),
    ("ru", "у Петра сломался тостер", "у … сломался тостер"),
    ("el", "η τοστιέρα του Νίκου χάλασε", "η τοστιέρα του … χάλασε"),
    ("lv", "Pētera tosteris ir ātrs", "… tosteris ir ātrs"),
    ("zh-Hans", "打印机坏了", "打印机坏了"),
]


@pytest.mark.parametrize(("tag", "written", "kept"), KEPT, ids=[row[1] for row in KEPT])
def test_what_tells_who_wrote_a_sentence_or_about_whom_is_dots(
    tmp_path: Path, spoken: Languages, tag: str, written: str, kept: str
) -> None:
    sentences = UnknownSentences(tmp_path / "unknown.tsv", DAY)
    sentences.keep(written, spoken.translations.catalogs[tag], "Anna Berg")
    assert [sentence for _, sentence in sentences.sentences()] == [kept]


def test_what_has_no_words_left_is_not_kept(tmp_path: Path, spoken: Languages) -> None:
    sentences = UnknownSentences(tmp_path / "unknown.tsv", DAY)
    sentences.keep("https://a.example/b 12345 Peter", spoken.translations.catalogs["en"], "")
    assert not (tmp_path / "unknown.tsv").exists()


def test_sentences_go_after_the_retention(tmp_path: Path, spoken: Languages) -> None:
    file = tmp_path / "unknown.tsv"
    days = [f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%d}" for days in (40, 20)]
    file.write_text(f"{days[0]}\ttoo old\n{days[1]}\tyoung enough\nnonsense\n", encoding="utf-8")
    sentences = UnknownSentences(file, 30 * DAY)
    assert list(sentences.sentences()) == [(days[1], "young enough")]  # for who reads them
    sentences.keep("the toaster is broken", spoken.translations.catalogs["en"], "")
    text = file.read_text(encoding="utf-8")  # and in the file
    assert ("too old" in text, "young enough" in text, "toaster" in text) == (False, True, True)


def test_only_the_bots_own_account_reads_the_file(tmp_path: Path, spoken: Languages) -> None:
    file = tmp_path / "unknown.tsv"
    UnknownSentences(file, DAY).keep("the toaster is broken", spoken.translations.catalogs["en"], "")
    assert file.stat().st_mode & 0o077 == 0


def test_a_file_that_cannot_be_written_is_logged_once_and_stops_nobody(
    tmp_path: Path, spoken: Languages, caplog: pytest.LogCaptureFixture
) -> None:
    sentences = UnknownSentences(tmp_path / "missing" / "unknown.tsv", DAY)
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            sentences.keep("the toaster is broken", spoken.translations.catalogs["en"], "")
    assert [record.getMessage() for record in caplog.records] == [
        "sentences that were not understood cannot be kept: No such file or directory"
    ]


async def test_an_admin_reads_what_was_not_understood_and_only_that(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "unknown.tsv"
    async with scene(PHOTOSYNC_KEEP_UNKNOWN=str(file)) as stage:
        chat = stage.chat("old", "en-US")
        for text in ("my photo is wrong", PRINTER, "thank you", PRINTER):
            await chat.say(text)
        counted = await stage.metric('photosync_understood_total{result="nothing"}')
    assert show({"PHOTOSYNC_KEEP_UNKNOWN": str(file)}) == 0
    assert capsys.readouterr().out == f"2\t{datetime.now(UTC):%Y-%m-%d}\t{PRINTER}\n"
    assert counted == 2


def test_the_command_says_that_nothing_is_kept() -> None:
    with pytest.raises(LocalesError, match="PHOTOSYNC_KEEP_UNKNOWN is not set"):
        show({})


def test_nothing_written_yet_is_an_empty_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert show({"PHOTOSYNC_KEEP_UNKNOWN": str(tmp_path / "unknown.tsv")}) == 0
    assert capsys.readouterr().out == ""


async def test_a_pipe_in_its_place_stops_no_turn(tmp_path: Path, spoken: Languages) -> None:
    os.mkfifo(tmp_path / "unknown.tsv")
    sentences = UnknownSentences(tmp_path / "unknown.tsv", DAY)
    sentences.keep("the toaster is broken", spoken.translations.catalogs["en"], "")  # returns, and logs
    with pytest.raises(OSError, match="not a file"):
        list(sentences.sentences())
