"""`lorekeeper ask`: one question, or a file of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from bot.cli import _open
from bot.cli._output import GuildOption, JsonOption, note, print_json, run

if TYPE_CHECKING:
    from agent.agent import Agent
    from agent.contracts import Answered, Failed, Question


def ask(
    question: Annotated[str | None, typer.Argument(help="The question, in quotes.")] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help='JSON lines of {"question": ...}; one answer line for each.')
    ] = None,
    only: Annotated[Literal["route"] | None, typer.Option(help="Stop after this stage.")] = None,
    category: Annotated[str | None, typer.Option(help="Search this category only.")] = None,
    guild: GuildOption = "local",
    as_json: JsonOption = False,
    sample: Annotated[bool, typer.Option("--sample", help="First load the sample knowledge base.")] = False,
) -> None:
    """Ask a question and print the answer with its quotes and sources."""
    if (question is None) == (file is None):
        raise typer.BadParameter("Give one question, or --file with many.")
    if file is not None and not as_json:
        raise typer.BadParameter("--file prints JSON lines: add --json.")
    run(_ask(question, file, only, category, guild, as_json, sample))


async def _ask(
    text: str | None,
    file: Path | None,
    only: str | None,
    category: str | None,
    guild: str,
    as_json: bool,
    sample: bool,
) -> None:
    from agent.contracts import GuildId, Question, Slug
    from bot.sample import load_sample

    # Read before models are loaded: a mistake in the file is told at once.
    questions = [text] if text is not None else list(read_questions(file or Path()))
    template = Question(text="", guild=GuildId(guild), category=Slug(category) if category else None)
    async with _open.installation() as installation:
        if sample:
            await load_sample(installation)
        failed = False
        for each in questions:
            asked = replace(template, text=each)
            if only == "route":
                print_json(await _route(installation.agent, asked), indent=None if file else 2)
            else:
                failed |= not await _answer(installation.agent, asked, as_json, many=file is not None)
        if failed:
            raise typer.Exit(1)


async def _route(agent: Agent, question: Question) -> dict[str, Any]:
    from bot.answers import route_object

    route = await agent.parts.router.route(question.guild, question.text)
    return {"question": question.text, "route": route_object(route)}


async def _answer(agent: Agent, question: Question, as_json: bool, *, many: bool) -> bool:
    """Print one answer; False when there is none."""
    from agent.contracts import Failed
    from bot.answers import answer_object, answer_text

    last = await last_event(agent, question)
    if isinstance(last, Failed):
        if as_json:
            print_json({"question": question.text, "error": last}, indent=None if many else 2)
        else:
            note(f"lorekeeper: {last.message}\n  {last.hint}".rstrip())
        return False
    if as_json:
        print_json(answer_object(last), indent=None if many else 2)
    else:
        print(answer_text(last))
    return True


async def last_event(agent: Agent, question: Question) -> Answered | Failed:
    """Ask and wait for how it ended."""
    from agent.contracts import Answered, Failed

    ended = [event async for event in agent.ask(question) if isinstance(event, Answered | Failed)]
    return ended[-1]


def read_questions(path: Path) -> Iterator[str]:
    """Yield the questions of a JSON-lines file. Raises `UsageError` with the line that is wrong."""
    from agent.errors import UsageError
    from bot.cli._jsonl import read_jsonl

    for number, row in read_jsonl(path):
        if not isinstance(row.get("question"), str):
            raise UsageError(f'{path}, line {number} has no "question".', 'Each line is {"question": "..."}.')
        yield row["question"]
