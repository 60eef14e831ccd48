"""Patterns: failures that recur, told from chance, from bad evenings and from campaigns.

The pure door is `detecting.detect`. Given the history of a guild, the time, the baselines, the last trainings
and what was found before, it returns every candidate with its seven findings and one decision:

    detect(history, *, now, baselines, trainings, known, anomalies) -> Detection

1. **Remarks** (`trials.py`). What stands of each member's votes, reasons and corrections becomes at most one
   remark of a member on a question: against or for the route, or against or for the answer. A category that
   was corrected is a failure of the route and says nothing of the answer. Who asked what nobody could answer
   remarks against the answer by having asked.
2. **Abuse** (`abuse.py`). Remarks of fresh accounts and what is too much of a burst are set aside, and
   members who act as one count as one, before anything is counted.
3. **Trials**. A question that somebody remarked on is one trial, failed or not, however many remarked.
   Failing trials of a task and a category gather in clusters (`clusters.py`): the first of them leads, those
   whose cosine to it is high enough follow, and so do the trials that did not fail.
4. **Baseline** (`baselines.py`). The first trials of a champion say how often it succeeds when it is new;
   they are counted once and kept. Everything later is held against that figure.
5. **Seven rules** (`rules.py`): volume, recurrence, independence, agreement, significance, learnable, calm.
   Significance is an e-process for each cluster (`significance.py`), so that looking every day costs nothing,
   with a bound for looking at many clusters at once (e-BH).
6. **Decision** (`judging.py`, `deciding.py`): exactly one of `Action`. Only a candidate that meets all seven
   rules trains.

`detector.py` reads an installation, asks `detect`, and writes down what changed.
"""

from tuning.patterns.detecting import detect

__all__ = ["detect"]
