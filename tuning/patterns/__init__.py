"""Patterns: failures that recur, told from chance, from bad evenings and from campaigns.

The pure door is `detecting.detect(history, *, now, baselines, trainings, known, anomalies) -> Detection`, with
the types of `pattern.py`:

    detect(
        history: History,
        *,
        now: datetime,
        baselines: Mapping[BaselineKey, Baseline] = {},
        trainings: Mapping[Task, Training] = {},
        known: Sequence[Known] = (),
        anomalies: Sequence[str] = (),
    ) -> Detection
"""
