"""Does a server change what is found, routed or quoted? Every pair of store and model, side by side.

`python -m benchmarks.pairs`, after `make servers`: SQuAD 2.0 through each store with each embedder, and the
household questions through the whole agent on each pair of store and engine, with the same weights in both
engines. All in one run; the largest difference is what is promised.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from agent.contracts import LOCAL_GUILD
from agent.knowledge.protocol import KnowledgeStore
from agent.models.library import open_embedder
from agent.models.ollama_models import pull_model
from agent.models.protocol import Embedder
from agent.runtime import open_installation, open_knowledge
from agent.settings import Settings, load_settings
from benchmarks.household import Outcome, ask_all
from benchmarks.household import read as household_questions
from benchmarks.report import Goal, Report, Section, publish
from benchmarks.servers import Servers, running
from benchmarks.squad import labelled_questions, recall_rows, route_all
from benchmarks.squad_data import open_bench
from benchmarks.vectors import DiskCachedEmbedder
from bot.sample import load_sample

CHAT_MODEL = "lorekeeper/smollm2:135m"
MINILM = {"in this process": "all-minilm-l6-v2", "Ollama": "lorekeeper/all-minilm:l6-v2"}
WITHIN = 0.01
"""How far apart two pairs may be, as a share."""
STUDIED = 60

_COMPARED = ("hybrid", "hybrid, routed category")


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with running(Path(folder) / "servers") as servers:
            for model in (CHAT_MODEL, MINILM["Ollama"]):
                await pull_model(_settings(Path(folder), **servers.models(CHAT_MODEL)), model, _silent)
            retrieval = await _retrieval(Path(folder), servers)
            answers = await _answers(Path(folder), servers)
    publish(_report(retrieval, answers))


async def _retrieval(folder: Path, servers: Servers) -> list[dict[str, Any]]:
    """Recall of the right paragraph on SQuAD, one row a pair of store and embedder."""
    embedders: dict[str, dict[str, Any]] = {"multilingual-e5-small, in this process": {}}
    embedders |= {f"all-MiniLM-L6-v2, {where}": {"embedder": name} for where, name in MINILM.items()}
    rows: list[dict[str, Any]] = []
    for number, (said, embedder) in enumerate(embedders.items()):
        settings = _settings(folder, **servers.models(CHAT_MODEL), **embedder)
        opened = DiskCachedEmbedder(await open_embedder(settings))
        for store, chosen in {"LanceDB": {}, "Weaviate": servers.store(f"Squad{number}")}.items():
            async with _empty_store(settings.model_copy(update=chosen), folder / f"squad{number}") as empty:
                rows.append({"store": store, "embedder": said} | await _recall(folder, opened, empty))
        await opened.close()
    return rows


async def _recall(folder: Path, embedder: Embedder, store: KnowledgeStore) -> dict[str, float]:
    bench = await open_bench(folder / "levels", embedder, store)
    labelled = labelled_questions(bench.questions)
    routes = await route_all(bench, labelled)
    answerable = [each for each in bench.questions if each.answers and each.text not in labelled]
    rows = await recall_rows(bench, answerable, lambda asked: routes[asked.text])
    recall = {row["search"]: row for row in rows}
    return {f"{search}, {at}": recall[search][at] for search in _COMPARED for at in ("recall@1", "recall@5")}


@asynccontextmanager
async def _empty_store(settings: Settings, folder: Path) -> AsyncIterator[KnowledgeStore]:
    store = await open_knowledge(settings.model_copy(update={"data_dir": folder}))
    try:
        yield store
    finally:
        await store.close()


async def _answers(folder: Path, servers: Servers) -> list[dict[str, Any]]:
    """The household's test questions through the whole agent, one row a pair of store and engine."""
    engines = {"in this process": {}, "Ollama": servers.models(CHAT_MODEL)}
    rows: list[dict[str, Any]] = []
    for engine, models in engines.items():
        stores = {
            "LanceDB, SQLite": {},
            "Weaviate, PostgreSQL": servers.store(f"House{len(rows)}") | servers.database(),
        }
        for store, kept in stores.items():
            settings = _settings(folder / f"house{len(rows)}", **models, **kept)
            async with open_installation(settings) as installation:
                await load_sample(installation)
                await installation.router.study(LOCAL_GUILD, STUDIED)
                outcomes = await ask_all(installation, household_questions("test"))
            rows.append({"store": store, "language model": engine} | _shares(outcomes))
    return rows


def _shares(outcomes: Sequence[Outcome]) -> dict[str, float]:
    in_scope = [each for each in outcomes if each.in_scope]
    answerable = [each for each in outcomes if each.row["answerable"]]
    return {
        "routed right": sum(each.routed for each in in_scope) / len(in_scope),
        "quoted right": sum(each.quoted for each in answerable) / len(answerable),
        "wrongly declined": sum(each.declined for each in answerable) / len(answerable),
    }


def _settings(data_dir: Path, **chosen: Any) -> Settings:
    return load_settings(None, data_dir=data_dir, **chosen)


def _report(retrieval: list[dict[str, Any]], answers: list[dict[str, Any]]) -> Report:
    embedders = dict.fromkeys(row["embedder"].partition(",")[0] for row in retrieval)
    apart = {
        name: _apart([row for row in retrieval if row["embedder"].startswith(name)]) for name in embedders
    }
    apart["the whole agent"] = _apart(answers)
    return Report(
        name="pairs",
        title="The same figures on every store and engine",
        sections=[
            _section("SQuAD 2.0: recall of the right paragraph, %", retrieval, "Answerable questions."),
            _section(
                "Household, test split, %",
                answers,
                f"SmolLM2-135M, the same file in both engines; the router asked it about {STUDIED} labelled "
                "questions first, to learn how far to trust it.",
            ),
        ],
        goals=[
            Goal(
                text=f"{name}: every pair within 1 point",
                reached=points <= WITHIN,
                note=f"{100 * points:.1f} points between the best and the worst",
            )
            for name, points in apart.items()
        ],
        figures={"retrieval": retrieval, "answers": answers},
    )


def _apart(rows: Sequence[dict[str, Any]]) -> float:
    """The largest difference of a figure between two rows."""
    figures = [[row[name] for row in rows] for name, value in rows[0].items() if isinstance(value, float)]
    return float(max(max(values) - min(values) for values in figures))


def _silent(*_: object) -> None:
    """Nobody watches these models arrive: they come out of wheels."""


def _section(title: str, rows: Sequence[dict[str, Any]], note: str) -> Section:
    shown = [
        {name: round(100 * value, 1) if isinstance(value, float) else value for name, value in row.items()}
        for row in rows
    ]
    return Section(title=title, columns=list(rows[0]), rows=shown, note=note)


if __name__ == "__main__":
    asyncio.run(main())
