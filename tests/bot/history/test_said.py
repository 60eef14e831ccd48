"""Which messages are kept, and what a page changes."""

from __future__ import annotations

import pytest

from agent.contracts import MemberId
from bot.history.comparing import Changes, compared
from bot.history.said import Heard, LeftOut, Said, left_out


@pytest.mark.parametrize(
    ("heard", "why"),
    [
        (Heard(words="The pump is a Hayward."), None),
        (Heard(words="?"), None),
        (Heard(words="... and then it broke"), None),
        (Heard(words="!! careful with the acid"), None),
        (Heard(words="/etc/pool.conf\nholds the times"), None),
        (Heard(words="$20 for the filter"), None),
        (Heard(words="!important " + "because " * 30), None),
        (Heard(words="!rank @ana"), LeftOut.COMMAND),
        (Heard(words="?tag pump"), LeftOut.COMMAND),
        (Heard(words="/ask when"), LeftOut.COMMAND),
        (Heard(words=" \n"), LeftOut.EMPTY),
        (Heard(words="when?", for_me=True), LeftOut.FOR_ME),
        (Heard(words="text", refused=True), LeftOut.REFUSED),
        (Heard(words="text", from_system=True), LeftOut.SYSTEM),
        (Heard(words="text", from_bot=True), LeftOut.BOT),
        (Heard(words="text", from_bot=True, from_webhook=True), LeftOut.WEBHOOK),
    ],
)
def test_what_is_no_members_statement_is_left_out(heard: Heard, why: LeftOut | None) -> None:
    assert left_out(heard) is why


def _said(message: int, words: str) -> Said:
    return Said(message=message, member=MemberId("1"), name="ana", words=words)


_OLD = {1: "one", 2: "two", 3: "three"}


@pytest.mark.parametrize(
    ("page", "kept", "read", "changes"),
    [
        ([_said(1, "one")], {}, range(0), Changes(new=(_said(1, "one"),), edited={})),
        ([_said(1, "one")], {}, range(1, 9), Changes(edited={})),
        ([_said(9, "nine")], {}, range(1, 9), Changes(new=(_said(9, "nine"),), edited={})),
        (
            [_said(1, "one"), _said(3, "drei")],
            _OLD,
            range(1, 9),
            Changes(edited={3: "drei"}, gone=frozenset({2})),
        ),
        ([], _OLD, range(1, 9), Changes(edited={}, gone=frozenset(_OLD))),
    ],
    ids=["new", "left out or forgotten before", "beyond what was read", "edited and gone", "all gone"],
)
def test_a_page_changes_what_is_kept(
    page: list[Said], kept: dict[int, str], read: range, changes: Changes
) -> None:
    assert compared(page, kept, read=read) == changes
