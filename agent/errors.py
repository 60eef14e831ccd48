"""The exception tree. Each error carries one line for people and what to do about it.

Exceptions of libraries are turned into these at the boundary of the file that calls the library;
nothing else is caught. `transient` says that the same call may succeed a moment later: it is what the
graph's retry policy asks.
"""

from __future__ import annotations


class LorekeeperError(Exception):
    """Something a person must hear of. `str(error)` is one line, `hint` says what to do."""

    transient = False

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ConfigurationError(LorekeeperError):
    """A setting is unknown, misspelt or has a value that cannot work."""


class UsageError(LorekeeperError):
    """The caller asked for something that makes no sense: an unknown category, an empty question."""


class UnknownGuildError(UsageError):
    """No such guild here."""


class UnknownCategoryError(UsageError):
    """The guild has no such category."""


class ModelError(LorekeeperError):
    """A model cannot be loaded or did not answer."""


class ModelMissingError(ModelError):
    """The model's file or name is not there."""


class ModelBrokenError(ModelError):
    """The weights are cut short, of another format, or not the pinned ones."""


class ModelBusyError(ModelError):
    """The model is loading, overloaded or gone for a moment."""

    transient = True


class StoreError(LorekeeperError):
    """The knowledge store, the catalog or the journal cannot do what was asked."""


class StoreBusyError(StoreError):
    """Another process writes, or the server is away for a moment."""

    transient = True


class DiskFullError(StoreError):
    """No space left; nothing that was stored before is lost."""


class IngestError(LorekeeperError):
    """One file or URL could not be read. The others are not touched by it."""


class FetchError(IngestError):
    """A URL could not be fetched, or may not be."""


class DeadlineError(LorekeeperError):
    """A stage of a question took longer than its deadline."""

    transient = True
