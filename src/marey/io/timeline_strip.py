"""Timeline strips: what happens when, as labelled bars in rows below a picture."""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

_INK, _PAPER, _LINE = (52, 58, 70), (255, 255, 255), (226, 229, 236)
_COLOURS = {"left": (198, 219, 247), "right": (250, 214, 190)}
_PLAIN = (222, 226, 232)
_ROW, _POINTS, _MARGIN = 17, 11, 3


@dataclass(frozen=True, kw_only=True)
class TimelineBar:
    """Something that lasts from one time to another."""

    row: str
    """Name of the row it belongs to; rows that begin with a side have its colour."""
    label: str
    start: float
    """Seconds."""
    end: float
    """Seconds."""


def timeline_strip(bars: Sequence[TimelineBar], seconds: float, width: int) -> Image.Image:
    """Draw bars in their rows, in the order in which rows first appear, over so many seconds.

    Bars of a row that overlap take a line each. Labels are cut where the next bar of the line
    begins.
    """
    font = ImageFont.load_default(_POINTS)
    rows = list(dict.fromkeys(bar.row for bar in bars))
    lines = {row: _lines([bar for bar in bars if bar.row == row]) for row in rows}
    left = max((round(font.getlength(row)) for row in rows), default=0) + 4 * _MARGIN
    height = _ROW * sum(len(own) for own in lines.values()) + 2 * _MARGIN
    strip = Image.new("RGB", (width, height + height % 2), _PAPER)
    draw, top = ImageDraw.Draw(strip), _MARGIN
    for row, own in lines.items():
        draw.text((_MARGIN, top + 2), row, _INK, font)
        draw.line((left, top, width, top), _LINE)
        for line in own:
            ends = [*(bar.start for bar in line[1:]), seconds]
            for bar, following in zip(line, ends, strict=True):
                x, stop, room = (
                    left + (width - left) * t / seconds for t in (bar.start, bar.end, following)
                )
                colour = _PLAIN if "+" in row else _COLOURS.get(row.split()[0], _PLAIN)
                draw.rectangle((x, top + 2, max(stop - 3, x + 1), top + _ROW - 2), colour)
                label = _fitting(bar.label, font, room - x - 2 * _MARGIN)
                draw.text((x + _MARGIN, top + 2), label, _INK, font)
            top += _ROW
    return strip


def _lines(bars: Sequence[TimelineBar]) -> list[list[TimelineBar]]:
    """Share bars out so that those of a line do not overlap."""
    lines: list[list[TimelineBar]] = []
    for bar in sorted(bars, key=lambda each: (each.start, each.end, each.label)):
        free = next((line for line in lines if line[-1].end <= bar.start), None)
        if free is None:
            lines.append([bar])
        else:
            free.append(bar)
    return lines


def _fitting(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float) -> str:
    """Cut a text to a width."""
    while text and font.getlength(text) > width:
        text = text[:-1]
    return text.rstrip()
