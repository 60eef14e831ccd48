"""One training run: load, encode, train until it no longer gains, save the best, and say what it is worth.

Gradients of a step's parts are added up, so that the size of a part changes nothing. It stops after the last
epoch, or after `patience` evaluations without a lower validation loss, and the weights of the lowest one are
what is saved.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from agent.errors import UsageError
from tuning.recipes import Method, Recipe
from tuning.training.batching import common_start, steps
from tuning.training.job import Job
from tuning.training.process import course as courses
from tuning.training.process.adapting import adapted, readapted, save, save_merged, trained
from tuning.training.process.base import load_base, load_quantized, require_qlora
from tuning.training.process.encoding import Encoder
from tuning.training.process.forward import may_share
from tuning.training.process.group import Group
from tuning.training.process.head_start import may_start_ahead, start_ahead
from tuning.training.process.memory import hand_back
from tuning.training.process.objectives import learning
from tuning.training.process.precision import faster_precision, rest_rounded, resting_precision
from tuning.training.process.proof import write_proof
from tuning.training.process.scoring import Scorer
from tuning.training.process.telling import Teller
from tuning.training.rows import Row, read_rows

_LOWEST_RATE = 0.1
"""Share of the learning rate at the end."""


class Run:
    """Raises `LorekeeperError` with one line for a person."""

    def __init__(self, folder: Path, job: Job, stopped: Callable[[], bool]) -> None:
        self._folder, self._job, self._stopped = folder, job, stopped
        self._recipe: Recipe = job.recipe
        self._group = Group()
        self._resting = resting_precision(job, self._group.device)
        rows, held_out = read_rows(job.train), read_rows(job.validation)
        base, tokenizer = self._base()
        self._encoder = Encoder(tokenizer)
        self._rows: Sequence[Row] = rows
        self._proven: Sequence[Row] = held_out
        self._train, self._left_out = self._encoder.rows(rows, self._recipe.max_tokens)
        self._validation, _ = self._encoder.rows(held_out, self._recipe.max_tokens)
        if not self._train or not self._validation:
            raise UsageError(f"No row has at most {self._recipe.max_tokens} tokens.", "Raise max_tokens.")
        torch.manual_seed(self._recipe.seed)
        self._model = adapted(base, self._recipe)
        self._scorer = Scorer(
            self._model, self._common_start(), self._encoder.stop, self._recipe.micro_tokens, self._group
        )
        self._learning = learning(self._recipe, self._scorer, self._group, self._train, self._validation)
        self._optimizer = torch.optim.AdamW(
            trained(self._model).values(),
            lr=self._recipe.learning_rate,
            weight_decay=self._recipe.weight_decay,
        )

    def train(self) -> bool:
        """Train to the end and save; return False when it was stopped first, with a checkpoint."""
        teller = Teller(self._folder, silent=not self._group.main)
        course = courses.resume(self._folder, trained(self._model), self._optimizer, self._identity())
        course.precision = course.precision or self._group.agreed(self._precision())
        self._compute_in(getattr(torch, course.precision))
        plan = self._plan()
        teller.tell("started", step=course.step, steps=len(plan), **self._facts())
        self._learning.begin()
        if not course.step:
            self._start_ahead()
        whole = self._steps(course, plan, teller)
        if whole:
            self._end(course, teller)
        self._group.leave()
        return whole

    def _steps(self, course: courses.Course, plan: Sequence[tuple[int, ...]], teller: Teller) -> bool:
        """Go on from where the course is; return False when stopped before the end."""
        began, spent = time.monotonic(), course.seconds
        kept = began
        for number in range(course.step, len(plan)):
            if self._enough(course):
                return True
            self._evaluate_if_due(course, number, len(plan), teller)
            loss = self._step(plan[number], number, len(plan))
            course.step = number + 1
            course.seconds = spent + time.monotonic() - began
            left = course.seconds / course.step * (len(plan) - course.step)
            teller.tell("step", step=course.step, loss=loss, rate=self._rate(number, len(plan)), left_s=left)
            stopped = self._group.any(self._stopped())
            if stopped or time.monotonic() - kept > self._job.checkpoint_seconds:
                self._keep(course)
                kept = time.monotonic()
            if stopped:
                teller.tell("stopped", step=course.step)
                return False
        if not self._enough(course):
            self._evaluate(course, teller)
        return True

    def _start_ahead(self) -> None:
        if may_start_ahead(self._recipe, self._rows, self._train):
            start_ahead(self._model, self._scorer, self._group, self._train, self._learning.held_out)

    def _end(self, course: courses.Course, teller: Teller) -> None:
        weights = trained(self._model)
        with torch.no_grad():
            for name, values in course.best.items():
                weights[name].copy_(values)
        self._model.eval()
        if self._group.main:
            self._save()
            teller.tell("ended", step=course.step, loss=course.best_loss, seconds=course.seconds)

    def _save(self) -> None:
        save(self._model, self._folder)
        model = self._model
        if self._resting is not torch.float32:
            # The rounded one goes first, so that there is never more than one.
            del model
            self._model = self._scorer.model = None
            hand_back()
            base, _ = load_base(self._job.base, torch.device("cpu"))
            model = readapted(base, self._folder).eval()
        if self._recipe.adapts and self._job.merged:
            model = save_merged(model, self._folder)
        write_proof(self._folder, model, self._encoder, self._proven)

    def _base(self) -> tuple[Any, Any]:
        if self._recipe.method is not Method.QLORA:
            return load_base(self._job.base, self._group.device, self._resting)
        require_qlora(self._group.device)
        return load_quantized(self._job.base, self._group.device, self._folder)

    def _plan(self) -> list[tuple[int, ...]]:
        """The rows of each step, those of like length beside each other."""
        recipe = self._recipe
        return [
            sum(step, ())
            for epoch in range(recipe.epochs)
            for step in steps(
                self._scorer.lengths(self._train),
                batch=recipe.batch,
                micro_tokens=recipe.micro_tokens,
                shared=len(self._scorer.start),
                seed=recipe.seed,
                epoch=epoch,
            )
        ]

    def _step(self, rows: Sequence[int], number: int, steps_in_all: int) -> float:
        self._model.train()
        # So that what dropout drops is the same in a run that was resumed.
        torch.manual_seed(random.Random(f"{self._recipe.seed}/{number}/{self._group.number}").getrandbits(63))
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate(number, steps_in_all)
        loss = self._learning.learn(rows)
        weights = trained(self._model).values()
        self._group.add_gradients(weights)
        torch.nn.utils.clip_grad_norm_(weights, self._recipe.clip)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        return loss

    def _evaluate_if_due(
        self, course: courses.Course, number: int, steps_in_all: int, teller: Teller
    ) -> None:
        an_epoch = steps_in_all // self._recipe.epochs
        every = max(1, an_epoch // self._recipe.evaluations)
        if number % every == 0 and (number or self._job.evaluate_at_start):
            self._evaluate(course, teller)

    def _evaluate(self, course: courses.Course, teller: Teller) -> None:
        self._model.eval()
        loss = self._learning.held_out()
        teller.tell("evaluation", step=course.step, loss=loss)
        if loss < course.best_loss:
            course.best_loss, course.without_gain = loss, 0
            course.best = {name: each.detach().clone() for name, each in trained(self._model).items()}
        else:
            course.without_gain += 1

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
        if self._group.main:
            weights = {name: each.detach() for name, each in trained(self._model).items()}
            courses.keep(self._folder, course, weights, self._optimizer, self._identity())

    def _common_start(self) -> list[int]:
        """Nothing with a trained prefix, which takes the place that read keys and values would have."""
        rows = [*self._train, *self._validation]
        # KTO asks every prompt with the completion of another row.
        longest = max(row.prompt for row in rows) + max(len(row.ids) - row.prompt for row in rows)
        if self._recipe.method is Method.PREFIX or not may_share(self._model, longest):
            return []
        shared = common_start([row.ids for row in rows], min(row.prompt for row in rows) - 1)
        return self._train[0].ids[:shared]

    def _precision(self) -> str:
        if self._job.precision != "auto":
            return self._job.precision
        tokens = min(self._recipe.micro_tokens, self._recipe.batch * max(self._scorer.lengths(self._train)))
        fastest = faster_precision(self._model, tokens, self._group.device)
        return str(fastest).removeprefix("torch.")

    def _compute_in(self, precision: torch.dtype) -> None:
        self._scorer.precision = precision
        wanted = self._job.weights == "auto" and self._recipe.adapts
        if wanted and precision is torch.bfloat16 and self._resting is torch.float32:
            rest_rounded(self._model)
            self._resting = precision
            hand_back()

    def _identity(self) -> str:
        return f"{self._recipe.digest}/{self._job.base_digest}/{len(self._train)}/{len(self._validation)}"

    def _facts(self) -> dict[str, Any]:
        import peft
        import transformers

        return {
            "recipe": asdict(self._recipe),
            "rows": len(self._train),
            "liked": sum(row.desirable for row in self._train),
            "left_out": self._left_out,
            "shared_tokens": len(self._scorer.start),
            "weights": sum(each.numel() for each in trained(self._model).values()),
            "precision": str(self._scorer.precision).removeprefix("torch."),
            "resting": str(self._resting).removeprefix("torch."),
            "device": str(self._group.device),
            "processes": self._group.size,
            "versions": {
                "torch": torch.__version__,
                "transformers": transformers.__version__,
                "peft": peft.__version__,
            },
        }
