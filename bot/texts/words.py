"""The texts, by name. `{...}` is filled in with `str.format`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.policy import Reason
from bot.state.config import Power
from bot.texts.admin import AdminTexts
from bot.texts.anomalies import AnomalyTexts
from bot.texts.diagnosis import DiagnosisTexts
from bot.texts.patterns import PatternTexts
from bot.texts.review import ReviewTexts
from bot.texts.setup import SetupTexts
from bot.texts.stats import StatsTexts
from bot.texts.sync import SyncTexts
from bot.texts.topics import TopicTexts
from bot.texts.tuning import TuningTexts


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """One language. A field's comment says what its placeholders are where their names do not."""

    language: str

    # While an answer is made.
    searching: str
    searching_in: str
    queued: str
    answering_late: str
    """Shown while it is tried again: `message` says what is wrong."""
    interrupted: str
    ask_again: str
    """To who gives a command meanwhile."""
    command_lost: str

    # Around an answer.
    sources: str
    topic: str
    topics_join: str
    by: str
    not_answered: str
    """`message`, `hint` and `error_id` of a failure."""

    # Instead of an answer.
    hello: str
    cooldown: str
    queue_full: str
    too_many_of_yours: str
    which_guild: str
    cannot_write_here: str
    question_is_gone: str
    may_not_ask: str
    may_not_teach: str

    # Buttons and what they say.
    button_helpful: str
    button_not_helpful: str
    button_wrong_topic: str
    button_sources: str
    button_again: str
    button_dismiss: str
    button_undo: str
    forgotten: str
    already_forgotten: str
    thanks_helpful: str
    thanks_not_helpful: str
    thanks_correction: str
    thanks_correction_learnt: str
    thanks_correction_later: str
    choose_topic: str
    no_topics: str
    no_sources: str
    answer_is_gone: str
    only_the_asker: str
    not_helpful_title: str
    not_helpful_reason: str
    not_helpful_reason_hint: str
    not_helpful_correction: str
    not_helpful_correction_hint: str
    reasons: Mapping[str, str]
    """By the name that feedback keeps."""

    # Errors.
    went_wrong: str
    """An error that nobody foresaw; the log has `error_id`."""
    not_allowed: str
    guild_only: str

    # What is kept.
    nothing_to_keep: str
    already_kept: str
    message_is_gone: str
    let_me_choose: str
    choose_topic_to_keep: str
    keep_preview: str
    readers_all: str
    readers_of: str
    kept: str
    kept_under: str
    nothing_kept: str
    and_more: str
    address_or_file: str
    passages: str
    no_such_source: str
    source_removed: str

    # What is kept of a member.
    nothing_of_yours: str
    kept_of_you: str
    """`counts` go by the names that the export uses."""
    removed_of_you: str
    learns: str
    learns_not: str
    your_data: str
    button_forget: str
    forget_warning: str
    forgetting: str
    forgotten_all: str

    # Commands of admins.
    powers: Mapping[Power, str]
    power_everybody: str
    power_managers: str
    no_channels: str
    channel_auto: str
    channel_asked: str
    channel_silenced: str
    channel_threads: str
    category_added: str
    category_removed: str
    no_such_message: str
    would_answer: str
    would_not_answer: str
    decisions: Mapping[Reason, str]

    admin: AdminTexts
    diagnosis: DiagnosisTexts
    topics: TopicTexts
    setup: SetupTexts
    patterns: PatternTexts
    tuning: TuningTexts
    anomalies: AnomalyTexts
    stats: StatsTexts
    review: ReviewTexts

    sync: SyncTexts

    # Commands: name of the command or option (dots between) to its description.
    descriptions: Mapping[str, str]
