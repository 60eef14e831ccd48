"""Scores of replies, as a table of what a member would say of each."""

from __future__ import annotations

import pytest

from tests.tuning.evaluation.parts import evidence
from tuning.evaluation.results import Scores
from tuning.evaluation.scoring import read_reply, recall, score, score_followed

_QUESTION = "What did the pump cost?"
_EVIDENCE = evidence(
    "We replaced the pool pump with a Hayward model. It cost 420 euros.", "The garden hose is green."
)
_REFERENCE = ("420 euros",)


def _scores(text: str, *, answerable: bool = True) -> Scores:
    return score(read_reply(_QUESTION, _EVIDENCE, text), text, _REFERENCE, answerable=answerable)


@pytest.mark.parametrize(
    ("text", "relevance", "grounding", "no_hallucination"),
    [
        pytest.param('The pump cost 420 euros: "It cost 420 euros" [1].', 5, 5, 5, id="right"),
        pytest.param('"It cost 420 euros" [1].', 5, 5, 5, id="the quote itself"),
        pytest.param('On 14 May 2024: "It cost 420 euros" [1].', 5, 5, 5, id="its date may be said"),
        pytest.param('"We replaced the pool pump" [1].', 1, 5, 5, id="true, and no answer"),
        pytest.param('"It cost 420 euros" [2].', 5, 1, 5, id="another source's number"),
        pytest.param("The pump cost 420 euros.", 5, 1, 5, id="no quote"),
        pytest.param("The pump cost 500 euros.", 3, 1, 1, id="an invented number"),
        pytest.param('"It cost 420 euros" [1]. "It was cheap" [1].', 5, 3, 1, id="one is false"),
        pytest.param('The pump was from Bosch: "It cost 420 euros" [1].', 5, 5, 3, id="an invented word"),
        pytest.param("I don't know.", 1, 1, 5, id="declined though the answer is there"),
        pytest.param("", 1, 1, 5, id="silent"),
    ],
)
def test_an_answer_that_the_evidence_holds(
    text: str, relevance: float, grounding: float, no_hallucination: float
) -> None:
    expected = Scores(relevance=relevance, grounding=grounding, no_hallucination=no_hallucination)
    assert _scores(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I don't know.", Scores(relevance=5, grounding=5, no_hallucination=5)),
        ("I don’t know. It is not said.", Scores(relevance=5, grounding=5, no_hallucination=5)),
        ('"It cost 420 euros" [1].', Scores(relevance=1, grounding=5, no_hallucination=1)),
        ("It cost 420 euros.", Scores(relevance=1, grounding=1, no_hallucination=1)),
        ("", Scores(relevance=1, grounding=1, no_hallucination=1)),
    ],
)
def test_an_answer_that_the_evidence_does_not_hold(text: str, expected: Scores) -> None:
    assert _scores(text, answerable=False) == expected


@pytest.mark.parametrize(
    ("text", "apologises", "not_in_context", "declined"),
    [
        ("Sorry, I cannot tell.", True, False, False),
        ("Lo siento, no lo sé.", True, False, False),
        ("The sources don't mention what it cost.", False, False, False),
        ("It isn't mentioned in the sources.", False, True, False),
        ("There is no information on that in the context.", False, True, False),
        ("No hay nada de eso en las fuentes.", False, True, False),
        ("I don't know.", False, False, True),
        ('"It cost 420 euros" [1].', False, False, False),
    ],
)
def test_empty_phrases_are_noticed(text: str, apologises: bool, not_in_context: bool, declined: bool) -> None:
    reply = read_reply(_QUESTION, _EVIDENCE, text)
    found = (reply.apologises, reply.not_in_context, reply.declined)
    assert found == (apologises, not_in_context, declined)


def test_the_best_of_several_references_counts() -> None:
    text = '"It cost 420 euros" [1].'
    reply = read_reply(_QUESTION, _EVIDENCE, text)
    assert score(reply, text, ("about five hundred", "420 euros"), answerable=True).relevance == 5


@pytest.mark.parametrize(
    ("text", "relevance", "told"),
    [
        ("Ahoy! The pump hums.", 5, 5),
        ("The pump hums.", 1 + 4 * 2 / 3, 5),
        ("Ahoy, a whale!", 1 + 4 / 3, 3),
        ("", 1, 1),
    ],
)
def test_an_instruction_is_followed_by_the_words_that_are_wanted(
    text: str, relevance: float, told: float
) -> None:
    scores = score_followed(text, "Say as a sailor: the pump hums.", "Ahoy! The pump hums.")
    assert scores.relevance == pytest.approx(relevance)
    assert scores.grounding == scores.no_hallucination == pytest.approx(told)


@pytest.mark.parametrize(
    ("text", "reference", "share"),
    [
        ("It was replaced", "replacing it", 1.0),
        ("the red hose", "the red pump", 0.5),
        ("red red red", "red red pump", 2 / 3),
        ("anything", "of the", 1.0),
        ("", "pump", 0.0),
    ],
)
def test_recall_counts_words_by_their_stems_as_often_as_they_occur(
    text: str, reference: str, share: float
) -> None:
    assert recall(text, reference) == pytest.approx(share)
