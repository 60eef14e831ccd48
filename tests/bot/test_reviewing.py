"""Whose turn it is, and what a reviewer's message holds, without Discord."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.contracts import LOCAL_GUILD, MemberId, PassageId, SourceId
from bot.reviewing import Claims, shown_text
from bot.splitter import LIMIT
from bot.texts import LANGUAGES
from tests.tuning.test_labels import asked
from tests.tuning.test_queue import UNKNOWN, queued
from tuning.annotation.exhibit import Exhibit, Piece
from tuning.annotation.item import Kind
from tuning.labels.decisions import Act, Cited

ASKER, BEN = MemberId("900001"), MemberId("900002")


def test_a_claim_ends_by_itself_or_with_the_next() -> None:
    now = 0.0
    claims = Claims(lambda: now)
    claims.take(LOCAL_GUILD, BEN, "i1")
    assert claims.of_others(LOCAL_GUILD, ASKER) == {"i1"}
    assert claims.of_others(LOCAL_GUILD, BEN) == frozenset()
    claims.take(LOCAL_GUILD, BEN, "i2")
    assert claims.of_others(LOCAL_GUILD, ASKER) == {"i2"}
    now = 601.0
    assert claims.of_others(LOCAL_GUILD, ASKER) == frozenset()


def an_exhibit(text: str) -> Exhibit:
    (item,) = queued([asked("e1", answer=UNKNOWN)])
    cited = Cited(passage=PassageId("p1"), source=SourceId("s1"), sha256="0" * 64)
    piece = Piece(title=text, location=text, text=text, cited=cited)
    return Exhibit(item=item, episode=item.episodes[0], question=text, evidence=(piece,) * 9, answer=text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_message_pings_nobody_and_fits(language: str) -> None:
    texts = LANGUAGES[language].review
    said = shown_text(an_exhibit("@everyone **bold** <@123> " * 99), 1, 2, texts)
    assert len(said) <= LIMIT
    assert "@everyone" not in said
    assert "<@123>" not in said


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_and_every_act_has_words(language: str) -> None:
    texts = LANGUAGES[language].review
    assert set(texts.why) == set(Kind)
    assert set(texts.stored) == set(Act) - {Act.UNDO}


def test_what_is_withheld_says_so_and_proposes_nothing() -> None:
    texts = LANGUAGES["en"].review
    shown = an_exhibit("found")
    hidden = replace(
        shown, item=replace(shown.item, proposal="secret"), answer="", hidden=2, withheld=True, evidence=()
    )
    said = shown_text(hidden, 1, 1, texts)
    assert "secret" not in said
    assert "2 more that you cannot read." in said
    assert texts.answer_withheld in said
