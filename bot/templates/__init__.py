"""Topics to begin with, for kinds of communities, in each language, with labelled example questions.

The questions are what members of such a community ask; they teach the router before anybody has asked.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from bot.templates import club, company, games, household
from bot.topics import Topic


class Template(StrEnum):
    """Part of the ids of lists that are out there, so never renamed."""

    HOUSEHOLD = "household"
    CLUB = "club"
    COMPANY = "company"
    GAMES = "games"


_TOPICS: Final[Mapping[Template, Mapping[str, tuple[Topic, ...]]]] = {
    Template.HOUSEHOLD: {"en": household.ENGLISH, "es": household.SPANISH},
    Template.CLUB: {"en": club.ENGLISH, "es": club.SPANISH},
    Template.COMPANY: {"en": company.ENGLISH, "es": company.SPANISH},
    Template.GAMES: {"en": games.ENGLISH, "es": games.SPANISH},
}


def topics_of(template: Template, language: str) -> tuple[Topic, ...]:
    """The topics of a template in a language that the bot speaks."""
    return _TOPICS[template][language]
