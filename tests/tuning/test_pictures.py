"""Pictures as a viewer of PNG sees them, and what happens when there is none."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from matplotlib.figure import Figure

from tuning import pictures
from tuning.pictures import HeatMap, Panel, Picture, PictureError, Series, Shape, Unit, draw, png_of

_DAYS = tuple(date(2026, 11, 1) + timedelta(days=day) for day in range(5))
_LINE = Series(
    label="p50",
    values=(0.1, None, 0.5, 0.9, None),
    low=(0.0, None, 0.4, 0.8, None),
    high=(0.2, None, 0.6, 1.0, None),
)
_BARS = Series(label="asked", values=(1.0, 2.0, None, 4.0, 0.0), shape=Shape.BARS)


def _pixels(png: bytes) -> Any:
    return matplotlib.image.imread(io.BytesIO(png), format="png")


def _colours(png: bytes) -> Iterator[tuple[int, int, int]]:
    for colour in np.unique((_pixels(png)[..., :3] * 255).round().astype(int).reshape(-1, 3), axis=0):
        yield int(colour[0]), int(colour[1]), int(colour[2])


async def test_a_picture_comes_out_of_another_process_the_same_as_out_of_this_one() -> None:
    picture = Picture(
        title="Año", panels=(Panel(title="Satisfacción", days=_DAYS, series=(_LINE,)),), note="¿?"
    )
    assert np.array_equal(_pixels(await draw(picture)), _pixels(png_of(picture)))


@pytest.mark.parametrize(
    "panel",
    [
        Panel(title="bars", days=_DAYS, series=(_BARS, _BARS)),
        Panel(title="line", days=_DAYS, series=(_LINE,), unit=Unit.SHARE),
        Panel(
            title="names", names=("Pool", "$5 or $6", "x" * 90), series=(Series(label="n", values=(3, 2, 1)),)
        ),
    ],
)
def test_what_is_drawn_is_to_be_seen(panel: Panel) -> None:
    assert (0x00, 0x72, 0xB2) in _colours(png_of(Picture(title="t", panels=(panel,))))


@pytest.mark.parametrize(
    "panel",
    [
        Panel(title="no days", series=(Series(label="n", values=()),)),
        Panel(title="one day", days=_DAYS[:1], series=(Series(label="n", values=(1.0,), shape=Shape.BARS),)),
        Panel(
            title="nothing known",
            days=_DAYS,
            series=(Series(label="n", values=(None,) * 5),),
            unit=Unit.SECONDS,
        ),
    ],
)
def test_little_to_show_is_a_picture_too(panel: Panel) -> None:
    assert _pixels(png_of(Picture(title="t", panels=(panel, panel, panel)))).shape[2] == 4


def test_curves_over_steps_are_drawn() -> None:
    panel = Panel(title="loss", steps=(0, 10, 20, 30, 40), series=(_LINE, _BARS), unit=Unit.NUMBER)
    assert (0x00, 0x72, 0xB2) in _colours(png_of(Picture(title="t", panels=(panel,))))


@pytest.mark.parametrize(
    "names", [(), ("pool",), ("pool", "$5 or $6"), tuple(f"topic {n}" for n in range(20))]
)
async def test_a_heat_map_is_darkest_where_most_is(names: tuple[str, ...]) -> None:
    values = tuple(tuple(9.0 * (row == column) for column in range(len(names))) for row in range(len(names)))
    chart = HeatMap(title="confusion", rows=names, columns=names, values=values, row_label="right")
    picture = Picture(title="t", panels=(chart,))
    assert ((8, 48, 107) in _colours(png_of(picture))) is bool(names)
    assert np.array_equal(_pixels(await draw(picture)), _pixels(png_of(picture)))


async def test_a_process_that_fails_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures.sys, "executable", "/bin/false")
    with pytest.raises(PictureError, match="could not be drawn"):
        await draw(Picture(title="t", panels=()))


async def test_one_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "_SECONDS", 0.001)
    with pytest.raises(PictureError, match="took more than"):
        await draw(Picture(title="t", panels=(Panel(title="a", days=_DAYS, series=(_BARS,)),)))


@pytest.mark.parametrize("values", [(None,) * 5, (None, None, 0.5, None, None), (0.1, 0.2, 0.3, 0.4, 0.5)])
def test_every_day_has_its_place_whatever_is_known_of_it(values: tuple[float | None, ...]) -> None:
    axes = Figure().subplots()
    pictures._draw_panel(axes, Panel(title="t", days=_DAYS, series=(Series(label="n", values=values),)))
    low, high = axes.get_xlim()
    assert high - low == len(_DAYS)
