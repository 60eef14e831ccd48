"""What admins choose, changed a piece at a time: what was not named stays as it was."""

from __future__ import annotations

import pytest

from bot.fairness import Allowance
from bot.state.config import ChannelConfig, GuildConfig

_ONE, _TWO = Allowance(questions=1, seconds=10.0), Allowance(questions=2, seconds=10.0)


@pytest.mark.parametrize(
    ("shown", "chosen", "marked"),
    [
        ({1, 2}, {1, 2}, [1, 2, 9]),
        ({1, 2}, {2, 3}, [2, 3, 9]),
        ({1, 2}, set(), [9]),
        (set(), {4}, [1, 2, 4, 9]),
    ],
)
def test_channels_that_were_not_shown_keep_their_choice(
    shown: set[int], chosen: set[int], marked: list[int]
) -> None:
    config = GuildConfig(channels={id_: ChannelConfig(auto=True) for id_ in (1, 2, 9)})
    assert config.with_marked("auto", shown, chosen).marked("auto") == marked


def test_one_choice_of_a_channel_leaves_the_others_alone() -> None:
    config = GuildConfig(channels={1: ChannelConfig(auto=True)})
    both = config.with_marked("silenced", set(), {1})
    assert both.channel(1) == ChannelConfig(auto=True, silenced=True)
    assert both.with_marked("auto", {1}, set()).channel(1) == ChannelConfig(silenced=True)
    assert config.with_marked("auto", {1}, set()).channels == {}


def test_allowances_are_said_and_taken_back() -> None:
    default = GuildConfig()
    config = default.with_allowance(None, _ONE).with_allowance(7, _TWO)
    assert (config.allowance, config.allowances) == (_ONE, {7: _TWO})
    assert config.with_allowance(7, None).with_allowance(None, None) == default
    assert default.with_allowance(7, None) == default
