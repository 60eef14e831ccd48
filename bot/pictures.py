"""Charts as PNG. matplotlib draws them in a process of its own, `python -m bot.pictures`: the bot's loop
never waits for it, and its 80 MB of memory are given back when the picture is there.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from agent.contracts import Day
from agent.errors import LorekeeperError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pydantic import TypeAdapter

_SECONDS: Final = 60.0
"""A small machine needs some for its first picture, when matplotlib looks for the system's fonts."""
_WIDTH, _HEIGHT, _DPI = 5.2, 3.0, 110
"""Inches of one panel, and dots to the inch."""
_COLOURS: Final = ("#0072B2", "#E69F00", "#D55E00", "#009E73", "#CC79A7", "#56B4E9")
"""Okabe and Ito's, which the colour-blind can tell apart."""
_GREY: Final = "#667085"
_STYLE: Final[Any] = {
    "text.parse_math": False,  # a topic may be called "$5 or $6"
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _GREY,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#EAECF0",
    "xtick.color": _GREY,
    "ytick.color": _GREY,
}


class PictureError(LorekeeperError):
    """No picture came; what it would have shown is there in words."""


class Unit(StrEnum):
    """What the numbers of a panel are."""

    COUNT = "count"
    SHARE = "share"
    """0 to 1, shown as a percentage."""
    SECONDS = "seconds"


class Shape(StrEnum):
    LINE = "line"
    BARS = "bars"
    """Those of one panel stand on each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    label: str
    values: tuple[float | None, ...]
    """One for each day or name of the panel; None where nothing is known."""
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()
    """The interval around each value, or nothing."""
    shape: Shape = Shape.LINE


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One chart: over `days`, or bars beside `names`; one of the two is given."""

    title: str
    series: tuple[Series, ...]
    unit: Unit = Unit.COUNT
    days: tuple[Day, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    title: str
    panels: tuple[Panel, ...]
    """Two in a row."""
    note: str = ""
    """Small, below."""


async def draw(picture: Picture) -> bytes:
    """Return the PNG of a picture. Raises `PictureError`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        __spec__.name,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_SECONDS):
            png, said = await process.communicate(_adapter().dump_json(picture))
    except TimeoutError as error:
        raise PictureError(f"A picture took more than {_SECONDS:g} seconds.", "Try again later.") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        last = said.decode(errors="replace").strip().rpartition("\n")[2] or f"exit {process.returncode}"
        raise PictureError(f"A picture could not be drawn ({last}).", "`make install` repairs matplotlib.")
    return png


def png_of(picture: Picture) -> bytes:
    """Draw in this process, which then has matplotlib in its memory."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    columns = min(2, len(picture.panels))
    rows = -(-len(picture.panels) // 2)
    with rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH * columns, _HEIGHT * rows + 0.6), dpi=_DPI, layout="constrained")
        figure.suptitle(picture.title, fontsize=12, fontweight="bold")
        for place, panel in enumerate(picture.panels, start=1):
            _draw_panel(figure.add_subplot(rows, columns, place), panel)
        if picture.note:
            figure.supxlabel(picture.note, fontsize=8, color=_GREY)
        png = io.BytesIO()
        figure.savefig(png, format="png")
    return png.getvalue()


def _draw_panel(axes: Axes, panel: Panel) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_title(panel.title)
    if panel.names:
        _draw_names(axes, panel)
    else:
        _draw_days(axes, panel)
    numbers = axes.xaxis if panel.names else axes.yaxis
    numbers.set_major_formatter(lambda value, _: _number(value, panel.unit))
    if panel.unit is Unit.COUNT:
        numbers.set_major_locator(MaxNLocator(integer=True))
    axes.grid(visible=False, axis="y" if panel.names else "x")
    if len(panel.series) > 1:
        axes.legend(frameon=False, fontsize=8, loc="best")


def _draw_days(axes: Axes, panel: Panel) -> None:
    from matplotlib.dates import AutoDateLocator, DateFormatter

    days: Any = list(panel.days)
    step = min(((later - day).days for day, later in pairwise(days)), default=1)
    floor = [0.0] * len(days)
    for series, colour in zip(panel.series, _colours(panel.series), strict=True):
        values = _numbers(series.values)
        if series.shape is Shape.BARS:
            heights = [0.0 if value is None else value for value in series.values]
            axes.bar(days, heights, bottom=floor, width=0.8 * step, color=colour, label=series.label)
            floor = [below + height for below, height in zip(floor, heights, strict=True)]
            continue
        axes.plot(days, values, color=colour, marker="o", markersize=3, label=series.label)
        if series.low:
            low, high = _numbers(series.low), _numbers(series.high)
            axes.fill_between(days, low, high, color=colour, alpha=0.18, linewidth=0)
    # matplotlib's own types leave this module out.
    axes.xaxis.set_major_locator(AutoDateLocator(minticks=2, maxticks=5))  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(DateFormatter("%Y-%m-%d"))  # type: ignore[no-untyped-call]
    axes.set_ylim(0, 1 if panel.unit is Unit.SHARE else None)


def _draw_names(axes: Axes, panel: Panel) -> None:
    places = range(len(panel.names))
    left = [0.0] * len(panel.names)
    for series, colour in zip(panel.series, _colours(panel.series), strict=True):
        widths = [0.0 if value is None else value for value in series.values]
        axes.barh(places, widths, left=left, color=colour, label=series.label)
        left = [before + width for before, width in zip(left, widths, strict=True)]
    axes.set_yticks(list(places), [_short(name) for name in panel.names])
    axes.invert_yaxis()


def _colours(series: Sequence[Series]) -> list[str]:
    return [_COLOURS[place % len(_COLOURS)] for place in range(len(series))]


def _numbers(values: Sequence[float | None]) -> list[float]:
    """A line has a gap where nothing is known."""
    return [float("nan") if value is None else value for value in values]


def _number(value: float, unit: Unit) -> str:
    match unit:
        case Unit.SHARE:
            return f"{value:.0%}"
        case Unit.SECONDS:
            return f"{value:g} s"
        case Unit.COUNT:
            return f"{value:g}"


def _short(name: str, most: int = 22) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _adapter() -> TypeAdapter[Picture]:
    from pydantic import TypeAdapter

    return TypeAdapter(Picture)


if __name__ == "__main__":
    sys.stdout.buffer.write(png_of(_adapter().validate_json(sys.stdin.buffer.read())))
