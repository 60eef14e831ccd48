"""What a guild's admins chose, as one value. The defaults are those of a guild that chose nothing."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, Literal

from agent.contracts import Slug
from bot.fairness import Allowance
from bot.topics import Topic

_ALLOWANCE: Final = Allowance(questions=6, seconds=60.0)


class Power(StrEnum):
    """What a role may be given. Whoever may manage the guild in Discord has all of them."""

    ASK = "ask"
    TEACH = "teach"
    """Remember facts, and correct topics at once; without it a correction waits for a review."""
    REVIEW = "review"
    ADMINISTER = "administer"


_OPEN: Final = frozenset({Power.ASK, Power.TEACH})


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelConfig:
    auto: bool = False
    silenced: bool = False
    threads: bool = False
    """Each answer here opens a thread under its question."""
    category: Slug | None = None
    """What questions here are about unless they say otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuildConfig:
    language: str = ""
    """`en`, `es`, or empty for what Discord says of the guild."""
    channels: Mapping[int, ChannelConfig] = field(default_factory=dict)
    roles: Mapping[Power, frozenset[int]] = field(default_factory=dict)
    """A power for which nobody is named is everybody's if it is `_OPEN`, else nobody's but the managers'."""
    allowance: Allowance = _ALLOWANCE
    allowances: Mapping[int, Allowance] = field(default_factory=dict)
    """By role; the most generous of a member's counts."""
    alerts: int = 0
    """The channel in which the admins are told of anomalies; 0 means nowhere."""
    draft: tuple[Topic, ...] = ()
    """Topics that `/setup` shows and nobody has accepted yet."""

    def channel(self, *ids: int | None) -> ChannelConfig:
        """Return what was chosen for the first of these that anything was chosen for: thread, channel,
        category of channels.
        """
        chosen = (self.channels[each] for each in ids if each is not None and each in self.channels)
        return next(chosen, ChannelConfig())

    def with_channel(self, id_: int, chosen: ChannelConfig) -> GuildConfig:
        channels = {key: value for key, value in self.channels.items() if key != id_}
        if chosen != ChannelConfig():
            channels[id_] = chosen
        return replace(self, channels=channels)

    def with_marked(
        self, what: Literal["auto", "silenced"], shown: Set[int], chosen: Set[int]
    ) -> GuildConfig:
        """Switch a choice on in the `chosen` channels and off in the others of those that were `shown`."""
        config = self
        for id_ in sorted(shown | chosen):
            before, on = config.channel(id_), id_ in chosen
            after = replace(before, auto=on) if what == "auto" else replace(before, silenced=on)
            config = config.with_channel(id_, after)
        return config

    def marked(self, what: Literal["auto", "silenced"]) -> list[int]:
        """The channels in which a choice is on."""
        return sorted(id_ for id_, chosen in self.channels.items() if getattr(chosen, what))

    def with_alerts(self, channel: int) -> GuildConfig:
        return replace(self, alerts=channel)

    def with_roles(self, power: Power, roles: frozenset[int]) -> GuildConfig:
        return replace(self, roles={**self.roles, power: roles})

    def with_allowance(self, role: int | None, allowance: Allowance | None) -> GuildConfig:
        """Say how much a role, or everybody, may ask; None takes back what was said."""
        if role is None:
            return replace(self, allowance=allowance or _ALLOWANCE)
        others = {id_: each for id_, each in self.allowances.items() if id_ != role}
        return replace(self, allowances=others if allowance is None else others | {role: allowance})

    def has(self, power: Power, roles: frozenset[int], *, manages: bool) -> bool:
        """Say whether a member with these roles may; `manages` is Discord's own permission."""
        named = self.roles.get(power, frozenset())
        if manages or (named & roles):
            return True
        return power in _OPEN and not named
