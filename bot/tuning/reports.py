"""What an adapter's examination left behind, as files that admins are shown."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agent.contracts import GuildId
from agent.errors import StoreError
from tuning.evaluation.gate import decide
from tuning.evaluation.results import Report, Verdict, read_report
from tuning.loop.tools import reports_folder

if TYPE_CHECKING:
    from agent.runtime import Stores


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    report: Report
    verdict: Verdict
    files: Sequence[Path]
    """The model card with the report in it, and the picture, as far as they are there."""


async def examined(stores: Stores, guild: GuildId, adapter: str) -> Examined | None:
    """Read what is known of an adapter, by its whole id; None where it was not examined.

    Raises `StoreError`, and `UsageError` for a report that cannot be read.
    """
    return await asyncio.to_thread(_read, reports_folder(stores.settings.data_dir, guild), adapter)


def _read(folder: Path, adapter: str) -> Examined | None:
    path = folder / f"{adapter}.json"
    try:
        report = read_report(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"The report {path} cannot be read: {error.strerror}.") from error
    pages = (folder / f"{adapter}{ending}" for ending in (".png", ".md"))
    return Examined(
        report=report, verdict=decide(report), files=tuple(page for page in pages if page.is_file())
    )
