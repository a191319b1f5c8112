"""Captions of preview images: text on a strip as wide as the picture."""

from PIL import Image, ImageDraw, ImageFont

_INK, _PAPER = (52, 58, 70), (255, 255, 255)
_MAX_LINES = 4


def caption_strip(text: str, width: int, *, small: bool = False) -> Image.Image:
    """Return text on white, wrapped to ``width`` pixels; more than four lines are cut with …

    The height is even, as video needs it.
    """
    points = 11 if small else max(12, min(18, round(width / 26)))
    font = ImageFont.load_default(points)
    lines = _wrap(text, font, width - 12)
    step = round(1.35 * points)
    height = (len(lines) * step + (4 if small else 10) + 1) // 2 * 2
    strip = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(strip)
    for i, line in enumerate(lines):
        top = (2 if small else 5) + i * step
        draw.text((width / 2 if small else 6, top), line, _INK, font, "ma" if small else "la")
    return strip


def _wrap(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    if len(lines) > _MAX_LINES:
        lines = [*lines[: _MAX_LINES - 1], lines[_MAX_LINES - 1] + " …"]
    return lines
