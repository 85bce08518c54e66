"""Alerts per day and severity as a picture: stacked bars, the worst at the bottom.

Severities are called as Defender calls them, in Latin letters: the font that comes with Pillow has
no others, and an image with fonts for all languages would be fifty times as large.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from handlers.views.alert_stats import Figures

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

    Font = FreeTypeFont | ImageFont

#: Wide enough to be sharp on a phone, which shows 360 points at three pixels each.
WIDTH, HEIGHT = 1_200, 640
LEFT, RIGHT, TOP, BOTTOM = 90, 30, 90, 70
TEXT, SMALL = 26, 22
#: Share of a day's width that its bar takes.
BAR = 0.72
#: Labels of days that fit side by side.
LABELS_MAX = 10

NAMES = ("High", "Medium", "Low", "Informational", "Other")
#: Told apart also by who sees no red or green: from dark to light.
COLOURS = ("#9b1c1c", "#e0701e", "#f2b632", "#9aa7b8", "#5b6675")
INK, GRID, PAPER = "#1f2933", "#e1e5ea", "#ffffff"


def picture(figures: Figures) -> bytes:
    """A PNG."""
    # Pillow takes 10 MB and 50 ms, which only who asks for a picture pays.
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    draw = ImageDraw.Draw(image)
    small, plain = ImageFont.load_default(SMALL), ImageFont.load_default(TEXT)
    top = scale_of(max(day.total for day in figures.days))
    _legend(draw, figures.by_rank, plain)
    _grid(draw, top, small)
    _bars(draw, figures, top[-1], small)
    written = io.BytesIO()
    image.save(written, "PNG", optimize=True)
    return written.getvalue()


def scale_of(most: int) -> list[int]:
    """The marks of the axis: whole numbers, at most six, up to `most` or a little above."""
    step = 1
    while step * 5 < most:
        step = next(s for s in (step * 2, step * 5 // 2, step * 5) if _is_round(s) and s > step)
    count = max(1, -(-most // step))
    return [step * at for at in range(count + 1)]


def _is_round(step: int) -> bool:
    return str(step).rstrip("0") in ("1", "2", "5")


def _legend(draw: ImageDraw, counts: Sequence[int], font: Font) -> None:
    x = float(LEFT)
    for rank, n in enumerate(counts):
        if n:
            draw.rectangle((x, 28, x + 24, 52), fill=COLOURS[rank])
            said = f"{NAMES[rank]} {n:,}"
            draw.text((x + 34, 40), said, fill=INK, font=font, anchor="lm")
            x += 34 + draw.textlength(said, font=font) + 36


def _grid(draw: ImageDraw, marks: Sequence[int], font: Font) -> None:
    for mark in marks:
        y = _height(mark, marks[-1])
        draw.line((LEFT, y, WIDTH - RIGHT, y), fill=GRID, width=2)
        draw.text((LEFT - 14, y), f"{mark:,}", fill=INK, font=font, anchor="rm")


def _bars(draw: ImageDraw, figures: Figures, most: int, font: Font) -> None:
    wide = (WIDTH - LEFT - RIGHT) / len(figures.days)
    every = -(-len(figures.days) // LABELS_MAX)
    for at, day in enumerate(figures.days):
        middle = LEFT + (at + 0.5) * wide
        below = 0
        for rank, n in enumerate(day.counts):
            if n:
                box = (middle - wide * BAR / 2, _height(below + n, most),
                       middle + wide * BAR / 2, _height(below, most))  # fmt: skip
                draw.rectangle(box, fill=COLOURS[rank])
                below += n
        if not (len(figures.days) - 1 - at) % every:  # today has its label always
            label = f"{day.day.month}/{day.day.day}"
            draw.text((middle, HEIGHT - BOTTOM + 16), label, fill=INK, font=font, anchor="ma")
        if day.total and len(figures.days) <= LABELS_MAX:
            place = (middle, _height(day.total, most) - 6)
            draw.text(place, f"{day.total:,}", fill=INK, font=font, anchor="ms")


def _height(n: int, most: int) -> float:
    room = HEIGHT - TOP - BOTTOM
    return HEIGHT - BOTTOM - room * n / most
