"""The router: labelled questions, descriptions and the language model, fused.

A label counts from the next question on: the catalog's revision is asked each time, new labels are embedded
and compared at once, and a question that repeats a labelled one is decided by it. Only the weights of a
guild with many labels are fitted anew in the background, while those before them serve.

Where a tuned model routes for the guild, it is trusted as far as its adapter says, and not by a fit: it has
seen the labels that a fit would judge it by.

What is out of scope needs no labels: it is learnt from how each of the guild's categories looks to the others
when it is left out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from agent.catalog.protocol import Catalog
from agent.contracts import CategoryScore, GuildId, Route, RouteDecision
from agent.meter import METER
from agent.models.protocol import ChatModel, Embedder
from agent.routing.decide import could_change, decide
from agent.routing.fusion import Floats, within
from agent.routing.guilds import TaughtGuilds
from agent.routing.learned import Learned, Opinion, believing, consider, evenly
from agent.routing.memory import MEMORY_FILE, RoutingMemory
from agent.routing.placing import Placed, Placer
from agent.routing.vote import ModelVote, ask_model
from agent.serving.models import ServedModels
from agent.serving.served import Task
from agent.settings import Settings

_MANY_LABELS = 2000
"""From here on comparing takes longer than handing the work to a thread."""


class FusedRouter:
    """Implements `Router`. `second` is an embedder that knows English better than the first, or None.

    `models` knows which adapter routes for a guild; where none does, or without it, `chat` is asked.
    """

    def __init__(
        self,
        *,
        catalog: Catalog,
        embedder: Embedder,
        chat: ChatModel | None,
        settings: Settings,
        second: Embedder | None = None,
        models: ServedModels | None = None,
    ) -> None:
        memory = RoutingMemory(settings.data_dir / MEMORY_FILE)
        self._chat = chat
        self._models = models
        self._vote = ModelVote(chat, memory) if chat is not None else None
        self._placer = Placer(embedder, second, memory)
        self._guilds = TaughtGuilds(catalog, self._placer, memory, self._vote)
        self._scope_threshold = settings.scope_threshold

    async def route(self, guild: GuildId, question: str) -> Route:
        """See `Router.route`."""
        placed = await self._placer.question(question)
        learned = await self._guilds.learned(guild, english=bool(placed.english[0]))
        if learned is None:
            return _no_categories()
        learned, model = await self._voter(guild, learned)
        opinion = await _considered(learned, placed)
        told = await self._told_by(model, learned, opinion, question)
        return fused_route(learned, opinion, told, self._scope_threshold)

    async def study(
        self, guild: GuildId, questions: int = 60, *, among: Collection[str] | None = None
    ) -> int:
        """Ask the language model about labelled questions that it was not asked about yet.

        What it says decides how far it is trusted from the next question on. Returns how many it was asked
        about: at most `questions`, each one model call, and only those `among` these where they are given: a
        model must not be examined by what it was trained on. Meant for idle time; may be cancelled between
        calls. Does nothing where a tuned model routes.
        """
        learned = await self._guilds.learned(guild, english=True)
        if self._vote is None or learned is None or await self._is_tuned(guild):
            return 0
        labels = learned.labels
        meant = [row for row, each in enumerate(labels.examples) if among is None or each.question in among]
        rows = [meant[place] for place in evenly(len(meant), questions)]
        texts = [labels.examples[row].question for row in rows]
        known = await self._vote.examined(guild, labels.categories, texts)
        asked = 0
        for row, text in zip(rows, texts, strict=True):
            if text not in known:
                opinion = consider(learned, labels.vectors[row])
                await self._vote.examine(guild, labels.categories, opinion.logits, text)
                asked += 1
        if asked:
            self._guilds.forget_fits(guild)
        return asked

    def read_again(self, guild: GuildId) -> None:
        """Read what a guild taught anew at its next question: it was changed behind the catalog's back."""
        self._guilds.read_again(guild)

    async def forget_guild(self, guild: GuildId) -> None:
        """Forget what was derived from a guild's labels, on the disk too. For a guild that is dropped."""
        await self._guilds.forget(guild)

    async def close(self) -> None:
        """Stop what runs in the background. The models are the caller's."""
        await self._guilds.close()

    async def _is_tuned(self, guild: GuildId) -> bool:
        return self._models is not None and await self._models.is_tuned(guild, Task.ROUTE)

    async def _voter(self, guild: GuildId, learned: Learned) -> tuple[Learned, ChatModel | None]:
        """The model that may be asked about this question, and what is known with the trust in it."""
        if self._models is not None:
            meter = METER.get()
            found = await self._models.adapted(guild, Task.ROUTE, meter.episode if meter else "")
            if found is not None:
                return believing(learned, found.adapter.trust), found.model
        return learned, self._chat

    async def _told_by(
        self, model: ChatModel | None, learned: Learned, opinion: Opinion, question: str
    ) -> Floats | None:
        weights, labels = learned.weights, learned.labels
        reach = weights.model * weights.model_span
        if model is None or not could_change(
            labels.slugs, opinion.logits, reach, opinion.out_of_scope, self._scope_threshold
        ):
            return None
        return await ask_model(model, labels.categories, opinion.logits, question)


async def _considered(learned: Learned, placed: Placed) -> Opinion:
    vector = placed.vectors(joint=learned.labels.joint)[0]
    if len(learned.labels.rows) < _MANY_LABELS:
        return consider(learned, vector)
    return await asyncio.to_thread(consider, learned, vector)


def fused_route(learned: Learned, opinion: Opinion, told: Floats | None, scope_threshold: float) -> Route:
    """Fuse what the parts say with the language model's log-likelihoods, None when it was not asked."""
    labels = learned.labels
    parts = {"examples": opinion.examples, "description": opinion.description}
    logits = opinion.logits
    if told is not None:
        logits = logits + learned.weights.model * told
        parts["model"] = within(learned.weights.model * told)
    chances = within(logits)
    decided = decide(labels.slugs, chances, opinion.out_of_scope, scope_threshold)
    scores = [
        CategoryScore(
            category=slug,
            probability=float(chances[k] * (1 - opinion.out_of_scope)),
            contributions={part: float(says[k]) for part, says in parts.items()},
        )
        for k, slug in enumerate(labels.slugs)
    ]
    return Route(
        scores=tuple(sorted(scores, key=lambda score: (-score.probability, score.category))),
        out_of_scope=opinion.out_of_scope,
        decision=decided.decision,
        categories=decided.categories,
        model_asked=told is not None,
        reason=decided.reason + _aside(opinion, told),
        examples=tuple(labels.examples[row] for row in opinion.nearest),
    )


def _aside(opinion: Opinion, told: Floats | None) -> str:
    if opinion.repeated:
        return "; a labelled question is almost the same"
    return "" if told is None else "; the language model was asked"


def _no_categories() -> Route:
    return Route(
        scores=(),
        out_of_scope=0.0,
        decision=RouteDecision.UNFILTERED,
        categories=(),
        model_asked=False,
        reason="no categories yet",
    )
