"""One training run: load, encode, train until it no longer gains, save the best, and say what it is worth.

The loss of a step is the nats per learnt token of its rows, weighted by row; gradients of a step's parts are
added up, so that the size of a part changes nothing. It stops after the last epoch, or after `patience`
evaluations without a lower validation loss, and the weights of the lowest one are what is saved.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from agent.errors import UsageError
from tuning.recipes import Method, Objective, Recipe
from tuning.training.batching import Micro, common_start, parts, steps
from tuning.training.job import Job
from tuning.training.process import course as courses
from tuning.training.process.adapting import adapted, save, trained
from tuning.training.process.base import load_base
from tuning.training.process.encoding import Encoded, Encoder
from tuning.training.process.forward import Batch, collated, completion_logits, cross_entropy
from tuning.training.process.precision import computing_in, faster_precision
from tuning.training.process.proof import write_proof
from tuning.training.process.telling import Teller
from tuning.training.rows import Row, read_rows

_LOWEST_RATE = 0.1
"""Share of the learning rate at the end."""


class Run:
    """Raises `LorekeeperError` with one line for a person."""

    def __init__(self, folder: Path, job: Job, stopped: Callable[[], bool]) -> None:
        self._folder, self._job, self._stopped = folder, job, stopped
        self._recipe: Recipe = job.recipe
        if self._recipe.objective is not Objective.SFT:
            raise UsageError(f"Training by {self._recipe.objective} is not built yet.", "Use sft.")
        torch.manual_seed(self._recipe.seed)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        rows, held_out = read_rows(job.train), read_rows(job.validation)
        base, tokenizer = load_base(job.base, self._device)
        self._encoder = Encoder(tokenizer)
        self._proven: Sequence[Row] = held_out
        self._train, self._left_out = self._encoder.rows(rows, self._recipe.max_tokens)
        self._validation, _ = self._encoder.rows(held_out, self._recipe.max_tokens)
        if not self._train or not self._validation:
            raise UsageError(f"No row has at most {self._recipe.max_tokens} tokens.", "Raise max_tokens.")
        self._start = self._common_start()
        self._model = adapted(base, self._recipe)
        self._optimizer = torch.optim.AdamW(
            trained(self._model).values(),
            lr=self._recipe.learning_rate,
            weight_decay=self._recipe.weight_decay,
        )
        self._dtype = torch.float32

    def train(self) -> bool:
        """Train to the end and save; return False when it was stopped first, with a checkpoint."""
        teller = Teller(self._folder)
        began = time.monotonic()
        course = courses.resume(self._folder, trained(self._model), self._optimizer, self._identity())
        spent = course.seconds
        course.precision = course.precision or self._precision()
        self._dtype = getattr(torch, course.precision)
        plan = self._plan()
        teller.tell("started", step=course.step, steps=len(plan), **self._facts())
        kept = time.monotonic()
        for number in range(course.step, len(plan)):
            if self._enough(course):
                break
            self._evaluate_if_due(course, number, len(plan), teller)
            loss = self._step(plan[number], number, len(plan))
            course.step = number + 1
            course.seconds = spent + time.monotonic() - began
            left = course.seconds / course.step * (len(plan) - course.step)
            teller.tell("step", step=course.step, loss=loss, rate=self._rate(number, len(plan)), left_s=left)
            if self._stopped() or time.monotonic() - kept > self._job.checkpoint_seconds:
                self._keep(course)
                kept = time.monotonic()
            if self._stopped():
                teller.tell("stopped", step=course.step)
                return False
        if not self._enough(course):
            self._evaluate(course, teller)
        self._end(course, teller)
        return True

    def _end(self, course: courses.Course, teller: Teller) -> None:
        weights = trained(self._model)
        with torch.no_grad():
            for name, values in course.best.items():
                weights[name].copy_(values)
        self._model.eval()
        save(self._model, self._folder)
        write_proof(self._folder, self._model, self._encoder, self._proven)
        teller.tell("ended", step=course.step, loss=course.best_loss, seconds=course.seconds)

    def _plan(self) -> list[tuple[Micro, ...]]:
        recipe = self._recipe
        return [
            step
            for epoch in range(recipe.epochs)
            for step in steps(
                self._lengths(self._train),
                batch=recipe.batch,
                micro_tokens=recipe.micro_tokens,
                shared=len(self._start),
                seed=recipe.seed,
                epoch=epoch,
            )
        ]

    def _step(self, micros: Sequence[Micro], number: int, steps_in_all: int) -> float:
        self._model.train()
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate(number, steps_in_all)
        rows = [self._train[row] for micro in micros for row in micro]
        tokens = sum(row.weight * (len(row.ids) - row.prompt) for row in rows)
        total = 0.0
        for micro in micros:
            with computing_in(self._dtype, self._device):
                loss = self._loss(self._batch(self._train, micro)) / tokens
            loss.backward()
            total += float(loss.detach())
        torch.nn.utils.clip_grad_norm_(trained(self._model).values(), self._recipe.clip)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        return total

    def _loss(self, batch: Batch) -> torch.Tensor:
        nats = cross_entropy(completion_logits(self._model, self._start, batch), batch)
        return (nats * batch.weights).sum()

    def _evaluate_if_due(
        self, course: courses.Course, number: int, steps_in_all: int, teller: Teller
    ) -> None:
        an_epoch = steps_in_all // self._recipe.epochs
        every = max(1, an_epoch // self._recipe.evaluations)
        if number % every == 0 and (number or self._job.evaluate_at_start):
            self._evaluate(course, teller)

    def _evaluate(self, course: courses.Course, teller: Teller) -> None:
        loss = self.validation_loss()
        teller.tell("evaluation", step=course.step, loss=loss)
        if loss < course.best_loss:
            course.best_loss, course.without_gain = loss, 0
            course.best = {name: each.detach().clone() for name, each in trained(self._model).items()}
        else:
            course.without_gain += 1

    def validation_loss(self) -> float:
        """Nats per learnt token of the held-out rows."""
        self._model.eval()
        lengths, recipe = self._lengths(self._validation), self._recipe
        micros = parts(range(len(lengths)), lengths, recipe.micro_tokens, len(self._start))
        with torch.no_grad(), computing_in(self._dtype, self._device):
            nats = sum(float(self._loss(self._batch(self._validation, micro))) for micro in micros)
        return nats / sum(row.weight * (len(row.ids) - row.prompt) for row in self._validation)

    def _enough(self, course: courses.Course) -> bool:
        return course.without_gain >= self._recipe.patience

    def _rate(self, number: int, steps_in_all: int) -> float:
        """Up in a line, then down along half a cosine to a tenth."""
        warm = max(1, round(self._recipe.warmup * steps_in_all))
        if number < warm:
            return self._recipe.learning_rate * (number + 1) / warm
        done = (number - warm) / max(1, steps_in_all - warm)
        falling = _LOWEST_RATE + (1 - _LOWEST_RATE) * (1 + math.cos(math.pi * done)) / 2
        return self._recipe.learning_rate * falling

    def _keep(self, course: courses.Course) -> None:
        weights = {name: each.detach() for name, each in trained(self._model).items()}
        courses.keep(self._folder, course, weights, self._optimizer, self._identity())

    def _batch(self, rows: Sequence[Encoded], micro: Micro) -> Batch:
        chosen = [rows[row] for row in micro]
        return collated(chosen, len(self._start), self._encoder.stop, self._device)

    def _lengths(self, rows: Sequence[Encoded]) -> list[int]:
        return [len(row.ids) - len(self._start) for row in rows]

    def _common_start(self) -> list[int]:
        """Nothing with a trained prefix, which takes the place that read keys and values would have."""
        if self._recipe.method is Method.PREFIX:
            return []
        rows = [*self._train, *self._validation]
        shared = common_start([row.ids for row in rows], min(row.prompt for row in rows) - 1)
        return self._train[0].ids[:shared]

    def _precision(self) -> str:
        if self._job.precision != "auto":
            return self._job.precision
        with torch.random.fork_rng():
            return str(faster_precision(self._try_out, self._device)).removeprefix("torch.")

    def _try_out(self) -> None:
        """A step's first part, for the probe of precision; it leaves no gradient."""
        lengths = self._lengths(self._train)
        first = next(
            parts(range(min(len(lengths), self._recipe.batch)), lengths, self._recipe.micro_tokens, 0)
        )
        self._loss(self._batch(self._train, first)).backward()
        self._optimizer.zero_grad(set_to_none=True)

    def _identity(self) -> str:
        return f"{self._recipe.digest}/{self._job.base_digest}/{len(self._train)}/{len(self._validation)}"

    def _facts(self) -> dict[str, Any]:
        import peft
        import transformers

        return {
            "recipe": asdict(self._recipe),
            "rows": len(self._train),
            "left_out": self._left_out,
            "shared_tokens": len(self._start),
            "weights": sum(each.numel() for each in trained(self._model).values()),
            "precision": str(self._dtype).removeprefix("torch."),
            "device": str(self._device),
            "versions": {
                "torch": torch.__version__,
                "transformers": transformers.__version__,
                "peft": peft.__version__,
            },
        }
