"""The review queue in the terminal: one key decides, and what was decided is stored before the next is shown.

So a session can end at any moment, and the next one goes on where it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from agent.answering.display import one_line
from agent.contracts import GuildId, MemberId
from agent.errors import UsageError
from agent.ingest.cleaning import clean_text
from agent.serving.served import Task
from bot.reporters import reporters_of
from bot.texts import texts_for
from tuning.annotation.exhibit import Exhibit, exhibit_of
from tuning.annotation.item import Item, Kind, for_reviewer
from tuning.annotation.reviewing import Look, Reviewing, Verdict
from tuning.labels.decisions import Act, Decision, last_decision

if TYPE_CHECKING:
    from agent.runtime import Stores

KEYS: Final[Mapping[str, str]] = {
    "a": "accept",
    "c": "correct",
    "d": "discard",
    "s": "skip",
    "u": "undo",
    "q": "quit",
}
WHY: Final[Mapping[Kind, str]] = {
    Kind.CONFLICT: "people disagree",
    Kind.GONE: "the topic that was meant is no longer there",
    Kind.UNCONFIRMED: "one member alone wrote a better answer",
    Kind.DISLIKED: "members found the answer wrong",
    Kind.UNANSWERED: "the bot did not know",
    Kind.LOW_CONFIDENCE: "the router was not sure",
    Kind.BROUGHT: "it was decided elsewhere",
    Kind.REPORT: "a detector reports",
}
_SHOWN_PASSAGES: Final = 5
_SHOWN_CHARACTERS: Final = 400


@dataclass(slots=True)
class Annotating:
    """A session of one annotator."""

    stores: Stores
    guild: GuildId
    member: MemberId
    done: int = 0
    skipped: list[str] = field(default_factory=list)

    async def run(self) -> None:
        """Until the queue is empty, the annotator quits, or the input ends. Raises `StoreError`."""
        texts = texts_for(self.stores.settings.language)
        reviewing = Reviewing(self.stores, reporters_of(self.stores, texts))
        while True:
            look = await reviewing.look(self.guild)
            shown = await self._next(look)
            if shown is None:
                print(f"Nothing waits for {self.member}. {self.done} decided in this session.")
                if await self._undone_at_the_end(reviewing):
                    continue
                return
            waiting = len(for_reviewer(look.items, self.member))
            print(f"\n[{self.done + 1}/{self.done + waiting}] {described(shown, look)}")
            if not await self._decided(reviewing, look, shown):
                print(f"{self.done} decided in this session; the rest waits.")
                return

    async def _undone_at_the_end(self, reviewing: Reviewing) -> bool:
        """Also the last decision can be taken back; False to end the session."""
        if last_decision(await reviewing.history(self.guild), self.member) is None:
            return False
        try:
            if KEYS[await ask_key("uq")] == "quit":
                return False
        except (EOFError, KeyboardInterrupt):
            return False
        await self._undo(reviewing)
        return True

    async def _next(self, look: Look) -> Exhibit | None:
        for item in for_reviewer(look.items, self.member, skipped=self.skipped):
            first = item.episodes[0] if item.episodes else None
            shown = await exhibit_of(self.stores, item, first, scrub=look.gathered.scrubber.scrub)
            if shown is not None:
                return shown
        return None

    async def _decided(self, reviewing: Reviewing, look: Look, shown: Exhibit) -> bool:
        """Do what one key says; False to end the session."""
        try:
            key = await ask_key()
            match KEYS.get(key):
                case "quit":
                    return False
                case "skip":
                    self._skip(shown.item)
                case "undo":
                    await self._undo(reviewing)
                case "accept":
                    await self._decide(reviewing, look, shown, Verdict(by=self.member, act=Act.ACCEPT))
                case "discard":
                    note = await ask_line("why (may be empty)> ")
                    verdict = Verdict(by=self.member, act=Act.DISCARD, note=note)
                    await self._decide(reviewing, look, shown, verdict)
                case _:
                    await self._decide(reviewing, look, shown, await self._correction(look, shown))
        except UsageError as error:
            print(f"{error} {error.hint}".rstrip())
        except KeyboardInterrupt:
            print("Nothing was stored.")
        except EOFError:
            return False
        return True

    async def _decide(self, reviewing: Reviewing, look: Look, shown: Exhibit, verdict: Verdict) -> None:
        await reviewing.decide(look, shown, verdict)
        self.done += 1
        print(f"Stored: {verdict.act}.")

    async def _undo(self, reviewing: Reviewing) -> None:
        undone = await reviewing.undo(self.guild, self.member)
        self.done -= undone is not None and self.done > 0
        print(f"Taken back: {told(undone)}." if undone else "There is nothing to take back.")

    def _skip(self, item: Item) -> None:
        """The others come first; of several that were skipped the one that was skipped first."""
        self.skipped = [each for each in self.skipped if each != item.id] + [item.id]

    async def _correction(self, look: Look, shown: Exhibit) -> Verdict:
        if shown.item.task is Task.ROUTE:
            slugs = [str(category.slug) for category in look.gathered.categories]
            chosen = await ask_line(f"topic ({', '.join(slugs)})> ", words=slugs)
            given = Verdict(by=self.member, act=Act.CORRECT, categories=tuple(chosen.split()))
        else:
            answer = await ask_line("answer> ", default=shown.item.proposal)
            quotes = await _quotes()
            given = Verdict(by=self.member, act=Act.CORRECT, answer=answer, quotes=quotes)
        return replace(given, note=await ask_line("why (may be empty)> "))


def described(shown: Exhibit, look: Look) -> str:
    """Everything that a decision needs, a line each."""
    item = shown.item
    lines = [f"{item.task or 'report'}: {WHY[item.kind]}", f"  {one_line(clean_text(shown.question))}"]
    if shown.scores:
        scores = ", ".join(f"{slug} {probability:.0%}" for slug, probability in shown.scores[:5])
        lines.append(f"route: {scores}, out of scope {shown.out_of_scope:.0%}")
    lines += [f"evidence {number}: {_piece(shown, number)}" for number in _numbers(shown)]
    if shown.answer:
        lines.append(f"answer: {one_line(clean_text(shown.answer))}")
    if item.task is not None:
        lines.append(f"votes: {shown.helpful} helpful, {shown.unhelpful} not")
    lines += [
        f"said by {len(each.members)}: {one_line(clean_text(each.value)) or 'nothing is to be learnt'}"
        for each in item.choices
    ]
    if item.proposal:
        lines.append(f"proposed: {one_line(clean_text(item.proposal))}")
    return "\n".join(lines)


def told(decision: Decision) -> str:
    """One decision on one line: `correct: pool`."""
    what = one_line(clean_text(str(decision.category or decision.answer)))
    return f"{decision.act}: {what}" if what else decision.act.value


async def ask_key(keys: Iterable[str] = tuple(KEYS)) -> str:
    """One of `keys`, without Enter. Raises `EOFError`, `KeyboardInterrupt`."""
    offered = {key: KEYS[key] for key in keys}
    bindings = KeyBindings()

    def choose(event: KeyPressEvent) -> None:
        event.app.exit(result=event.key_sequence[0].data)

    for key in offered:
        bindings.add(key, eager=True)(choose)
    session: PromptSession[str] = PromptSession(key_bindings=bindings)
    while True:
        key = await session.prompt_async(f"{', '.join(f'{key} {what}' for key, what in offered.items())}> ")
        if key in offered:
            print(offered[key])
            return key


async def ask_line(prompt: str, *, default: str = "", words: list[str] | None = None) -> str:
    session: PromptSession[str] = PromptSession()
    completer = WordCompleter(words) if words else None
    return (await session.prompt_async(prompt, default=default, completer=completer)).strip()


async def _quotes() -> tuple[str, ...]:
    """One a line, until an empty one."""
    quotes: list[str] = []
    while quote := await ask_line("quote, letter by letter (empty when there are no more)> "):
        quotes.append(quote)
    return tuple(quotes)


def _numbers(shown: Exhibit) -> range:
    return range(1, min(len(shown.evidence), _SHOWN_PASSAGES) + 1)


def _piece(shown: Exhibit, number: int) -> str:
    piece = shown.evidence[number - 1]
    place = " › ".join(one_line(clean_text(part)) for part in (piece.title, piece.location) if part)
    return f"{place}: {one_line(clean_text(piece.text))[:_SHOWN_CHARACTERS]}"
