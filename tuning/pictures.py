"""Charts as PNG. matplotlib draws them in a process of its own, `python -m tuning.pictures`: the bot's loop
never waits for it, and its 80 MB of memory are given back when the picture is there.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, assert_never

from agent.contracts import Day
from agent.errors import LorekeeperError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pydantic import TypeAdapter

_SECONDS: Final = 60.0
"""A small machine needs some for its first picture, when matplotlib looks for the system's fonts."""
_WIDTH, _HEIGHT, _DPI = 5.2, 3.0, 110
"""Inches of one panel, and dots to the inch."""
_ROOMY: Final = 12
"""Rows or columns of a heat map, above which its words are small."""
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
    NUMBER = "number"


class Shape(StrEnum):
    LINE = "line"
    BARS = "bars"
    """Those of one panel stand on each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    label: str
    values: tuple[float | None, ...]
    """One for each day, step or name of the panel; None where nothing is known."""
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()
    """The interval around each value, or nothing."""
    shape: Shape = Shape.LINE


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One chart: over `days` or `steps`, or bars beside `names`; one of the three is given."""

    title: str
    series: tuple[Series, ...]
    unit: Unit = Unit.COUNT
    days: tuple[Day, ...] = ()
    steps: tuple[float, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatMap:
    """A table of numbers, the larger the darker; each is written into its cell where there is room."""

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    """One row of numbers for each of `rows`; none is negative."""
    row_label: str = ""
    column_label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    title: str
    panels: tuple[Panel | HeatMap, ...]
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
            axes = figure.add_subplot(rows, columns, place)
            axes.set_title(panel.title)
            match panel:
                case Panel():
                    _draw_panel(axes, panel)
                case HeatMap():
                    _draw_heat_map(axes, panel)
                case _:
                    assert_never(panel)
        if picture.note:
            figure.supxlabel(picture.note, fontsize=8, color=_GREY)
        png = io.BytesIO()
        figure.savefig(png, format="png")
    return png.getvalue()


def _draw_panel(axes: Axes, panel: Panel) -> None:
    from matplotlib.ticker import MaxNLocator

    if panel.names:
        _draw_names(axes, panel)
    else:
        _draw_over(axes, panel)
    numbers = axes.xaxis if panel.names else axes.yaxis
    numbers.set_major_formatter(lambda value, _: _number(value, panel.unit))
    if panel.unit is Unit.COUNT:
        numbers.set_major_locator(MaxNLocator(integer=True))
    if panel.steps:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(visible=False, axis="y" if panel.names else "x")
    if len(panel.series) > 1:
        axes.legend(frameon=False, fontsize=8, loc="best")


def _draw_over(axes: Axes, panel: Panel) -> None:
    """Draw over days or steps."""
    over: Any = list(panel.days or panel.steps)
    floor = [0.0] * len(over)
    for series, colour in zip(panel.series, _colours(panel.series), strict=True):
        values = _numbers(series.values)
        if series.shape is Shape.BARS:
            heights = [0.0 if value is None else value for value in series.values]
            width = 0.8 * min((_days(other - one) for one, other in pairwise(over)), default=1)
            axes.bar(over, heights, bottom=floor, width=width, color=colour, label=series.label)
            floor = [below + height for below, height in zip(floor, heights, strict=True)]
            continue
        axes.plot(over, values, color=colour, marker="o", markersize=3, label=series.label)
        if series.low:
            low, high = _numbers(series.low), _numbers(series.high)
            axes.fill_between(over, low, high, color=colour, alpha=0.18, linewidth=0)
    if panel.days:
        _mark_days(axes, panel.days)
    axes.set_ylim(0, 1 if panel.unit is Unit.SHARE else None)


def _days(apart: timedelta | float) -> float:
    """matplotlib counts a day as 1; steps are numbers already."""
    return apart.days if isinstance(apart, timedelta) else apart


def _mark_days(axes: Axes, days: Sequence[Day]) -> None:
    """All the days, also those of which there is nothing: else a single point stands among years."""
    from matplotlib.dates import AutoDateLocator, DateFormatter, date2num

    axes.set_xlim(date2num(days[0]) - 0.5, date2num(days[-1]) + 0.5)  # type: ignore[no-untyped-call]
    # matplotlib's own types leave this module out.
    axes.xaxis.set_major_locator(AutoDateLocator(minticks=2, maxticks=5))  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(DateFormatter("%Y-%m-%d"))  # type: ignore[no-untyped-call]


def _draw_names(axes: Axes, panel: Panel) -> None:
    places = range(len(panel.names))
    left = [0.0] * len(panel.names)
    for series, colour in zip(panel.series, _colours(panel.series), strict=True):
        widths = [0.0 if value is None else value for value in series.values]
        axes.barh(places, widths, left=left, color=colour, label=series.label)
        left = [before + width for before, width in zip(left, widths, strict=True)]
    axes.set_yticks(list(places), [_short(name) for name in panel.names])
    axes.invert_yaxis()


def _draw_heat_map(axes: Axes, chart: HeatMap) -> None:
    axes.grid(visible=False)
    darkest = max((value for row in chart.values for value in row), default=0) or 1
    if chart.values:
        axes.imshow(chart.values, cmap="Blues", vmin=0, vmax=darkest, aspect="auto")
    size = 8 if max(len(chart.rows), len(chart.columns)) <= _ROOMY else 5
    axes.set_xticks(range(len(chart.columns)), [_short(name, 12) for name in chart.columns], rotation=90)
    axes.set_yticks(range(len(chart.rows)), [_short(name, 16) for name in chart.rows])
    axes.tick_params(labelsize=size)
    axes.set_xlabel(chart.column_label, fontsize=8)
    axes.set_ylabel(chart.row_label, fontsize=8)
    for row, values in enumerate(chart.values):
        for column, value in enumerate(values):
            if value:
                colour = "white" if value > darkest / 2 else "black"
                axes.text(column, row, f"{value:g}", ha="center", va="center", size=size, color=colour)


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
        case Unit.COUNT | Unit.NUMBER:
            return f"{value:g}"


def _short(name: str, most: int = 22) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _adapter() -> TypeAdapter[Picture]:
    from pydantic import TypeAdapter

    return TypeAdapter(Picture)


if __name__ == "__main__":
    sys.stdout.buffer.write(png_of(_adapter().validate_json(sys.stdin.buffer.read())))
