"""What an answer becomes before a model learns it: proved by the agent's own proof, or left out."""

from __future__ import annotations

import pytest

from agent.answering.prompts import UNKNOWN, answer_messages
from agent.answering.quotes import verify
from tests.agent.knowledge.passages import NOTES, passages_of
from tuning.datasets.completing import completion_of, declines, may_tell
from tuning.datasets.evidence import evidence_of

PUMP = "The pump was replaced in May 2024. It cost 400 euros. The old pump of 2009 leaked."
FILTER = "We cleaned the sand filter in June.\nIn May 2024 we also bought chlorine."
SAID = 'Ana said "never run it dry" to us.'
EVIDENCE = evidence_of(passages_of(NOTES, PUMP, FILTER, SAID))
QUESTION = "When was the pool pump replaced?"


def _completion(answer: str, *quotes: str, question: str = QUESTION) -> str | None:
    shown = answer_messages(question, EVIDENCE, "en")[-1].content
    return completion_of(question, answer, quotes, EVIDENCE, shown)


@pytest.mark.parametrize(
    ("answer", "quotes", "completion"),
    [
        # The words of the evidence themselves are the quote.
        ("In May 2024.", (), '"The pump was replaced in May 2024" [1].'),
        ("The pump was replaced in May 2024.", (), '"The pump was replaced in May 2024" [1].'),
        ("400 euros", (), '"It cost 400 euros" [1].'),
        # Most of its words and all of its numbers stand in one sentence.
        ("They replaced the pump in 2024, in May.", (), '"The pump was replaced in May 2024" [1].'),
        ("They replaced the pump in 2023, in May.", (), None),
        ("They replaced it at last.", (), None),
        ("They didn't replace the pump in May 2024.", (), None),
        # A reviewer's quote comes after the answer in other words.
        ("Last spring.", ("replaced in May 2024",), 'Last spring: "replaced in May 2024" [1].'),
        ("Done.", ("WE CLEANED the sand  filter",), 'Done: "We cleaned the sand filter" [2].'),
        # A number that stands in no cited passage is not said.
        ("On 3 July.", ("replaced in May 2024",), '"replaced in May 2024" [1].'),
        # What the bot showed counts its sources from 1; the evidence has its own numbers.
        ("Yes: “the sand filter” [1]", (), 'Yes: "the sand filter" [2].'),
        ("“It cost 400 euros” [1]\n“never run it” [2]", (), '"It cost 400 euros" [1]. "never run it" [3].'),
        # Quotation marks within a quote.
        ("Told.", ('said "never run it dry"',), 'Told: “said "never run it dry"” [3].'),
        # Each sentence that stands there is quoted, at most two.
        (
            "It cost 400 euros. The old pump of 2009 leaked. We cleaned the sand filter in June.",
            (),
            '"It cost 400 euros" [1]. "The old pump of 2009 leaked" [1].',
        ),
        ("I don't know.", (), UNKNOWN),
        ("No lo sé: nada en *Piscina* responde a eso.", (), UNKNOWN),
        # Nothing of it stands in the evidence.
        ("The heat pump runs on gas.", (), None),
        ("Certainly.", ("it was never replaced",), None),
        ("???", (), None),
    ],
)  # fmt: skip
def test_an_answer_is_quoted_from_its_evidence(
    answer: str, quotes: tuple[str, ...], completion: str | None
) -> None:
    found = _completion(answer, *quotes)
    assert found == completion
    if found not in (None, UNKNOWN):
        assert verify(str(found), EVIDENCE).ok


def test_of_many_sentences_that_hold_a_year_that_is_quoted_which_the_question_is_about() -> None:
    assert (
        _completion("2024", question="When did we buy chlorine?")
        == '"In May 2024 we also bought chlorine" [2].'
    )
    assert _completion("2024") == '"The pump was replaced in May 2024" [1].'


def test_what_was_cut_out_of_the_prompt_cannot_be_quoted() -> None:
    shown = answer_messages(QUESTION, EVIDENCE, "en", token_budget=60)[-1].content
    assert "sand filter" not in shown
    assert completion_of(QUESTION, "We cleaned the sand filter in June.", (), EVIDENCE, shown) is None
    assert completion_of(QUESTION, "In May 2024.", (), EVIDENCE, shown) is not None


@pytest.mark.parametrize(
    ("answer", "is_decline"),
    [("I don’t know", True), ("no lo sé.", True), ("I know.", False), ("Nobody knows", False), ("", False)],
)
def test_who_says_that_nobody_knows_declines(answer: str, is_decline: bool) -> None:
    assert declines(answer) is is_decline


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("In May 2024.", True),
        ("They replaced it in May 2024, at last.", True),
        ("Ana cleaned the chlorine", True),
        ("In May 2023, by Miller.", False),
        ("Under the stairs.", False),
        ("Never.", True),
        ("It is so.", False),
    ],
)
def test_evidence_may_tell_what_it_has_most_words_of(answer: str, told: bool) -> None:
    assert may_tell(EVIDENCE, answer) is told
