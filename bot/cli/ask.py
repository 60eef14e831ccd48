"""`lorekeeper ask`: one question, or a file of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from bot import opening
from bot.output import GuildOption, JsonOption, print_json, progress, run
from bot.reports import exit_code, failure_code, print_failure

if TYPE_CHECKING:
    from agent.agent import Agent
    from agent.contracts import Question


def ask(
    question: Annotated[str | None, typer.Argument(help="The question, in quotes.")] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", help='JSON lines of {"question": ...}, - for standard input; with --json.'),
    ] = None,
    only: Annotated[Literal["route"] | None, typer.Option(help="Stop after this stage; with --json.")] = None,
    category: Annotated[str | None, typer.Option(help="Search this category only.")] = None,
    guild: GuildOption = "local",
    as_json: JsonOption = False,
    sample: Annotated[bool, typer.Option("--sample", help="First load the sample knowledge base.")] = False,
) -> None:
    """Ask a question and print the answer with its quotes and sources."""
    if (question is None) == (file is None):
        raise typer.BadParameter("Give one question, or --file with many.")
    if (file is not None or only is not None) and not as_json:
        raise typer.BadParameter("--file and --only print JSON: add --json.")
    # Read before models are loaded: a mistake in the file is told at once.
    questions = [question] if file is None else list(read_questions(file))
    run(_ask(questions, only, category, guild, as_json=as_json, many=file is not None, sample=sample))


async def _ask(
    texts: Sequence[str | None],
    only: str | None,
    category: str | None,
    guild: str,
    *,
    as_json: bool,
    many: bool,
    sample: bool,
) -> None:
    from agent.contracts import GuildId, Question, Slug
    from bot.sample import load_sample

    template = Question(text="", guild=GuildId(guild), category=Slug(category) if category else None)
    questions = [replace(template, text=text or "") for text in texts]
    async with opening.installation() as installation:
        if sample:
            await load_sample(installation)
        agent = installation.agent
        if as_json:
            code = await _ask_for_scripts(agent, questions, only, many=many)
        else:
            code = await _ask_for_people(agent, questions[0])
    if code:
        raise typer.Exit(code)


async def _ask_for_people(agent: Agent, question: Question) -> int:
    """Show one answer as it comes; return the exit code."""
    from agent.contracts import Failed
    from bot.chat.screen import Screen

    screen = Screen()
    async for event in agent.ask(question):
        if isinstance(event, Failed):
            screen.clear(event.message)
            print_failure(event)
            return failure_code(event)
        screen.show(event)
    return 0


async def _ask_for_scripts(
    agent: Agent, questions: Sequence[Question], only: str | None, *, many: bool
) -> int:
    """Print one object for each question, in order; return the exit code."""
    worst = 0
    with progress("Asking") as show:
        for done, question in enumerate(questions, start=1):
            value, code = await (_route if only == "route" else _answer)(agent, question)
            print_json(value, indent=None if many else 2)
            worst = max(worst, code)
            show(done, len(questions), "")
    return min(worst, 1) if many else worst


async def _route(agent: Agent, question: Question) -> tuple[dict[str, Any], int]:
    from agent.errors import LorekeeperError
    from agent.understanding.clean import clean_question
    from bot.answers import route_object

    parts = agent.parts
    try:
        text = clean_question(question.text, parts.settings.question_characters)
        route = await parts.router.route(question.guild, text)
    except LorekeeperError as error:
        failure = {"message": str(error), "hint": error.hint}
        return {"question": question.text, "error": failure}, exit_code(error)
    return {"question": question.text, "route": route_object(route)}, 0


async def _answer(agent: Agent, question: Question) -> tuple[dict[str, Any], int]:
    from agent.contracts import Failed
    from bot.answers import answer_object, last_event

    last = await last_event(agent, question)
    if isinstance(last, Failed):
        return {"question": question.text, "error": last}, failure_code(last)
    return answer_object(last), 0


def read_questions(path: Path) -> Iterator[str]:
    """Yield the questions of a JSON-lines file. Raises `UsageError` with the line that is wrong."""
    from agent.errors import UsageError
    from bot.jsonl import read_jsonl

    for number, row in read_jsonl(path):
        if not isinstance(row.get("question"), str):
            raise UsageError(f'{path}, line {number} has no "question".', 'Each line is {"question": "..."}.')
        yield row["question"]
