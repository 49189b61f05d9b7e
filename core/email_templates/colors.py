"""Colours as CSS writes them, and how well one is read on another (WCAG 2.2)."""

import colorsys
import re
from typing import NamedTuple

_HEX = re.compile(r"#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})", re.IGNORECASE)
_FUNCTION = re.compile(r"(rgb|hsl)a?\(([^()]*)\)", re.IGNORECASE)
_PARTS = re.compile(r"[\s,/]+")
_NAMES = {
    "black": "#000000",
    "white": "#ffffff",
    "gray": "#808080",
    "grey": "#808080",
    "silver": "#c0c0c0",
    "lightgray": "#d3d3d3",
    "lightgrey": "#d3d3d3",
    "darkgray": "#a9a9a9",
    "darkgrey": "#a9a9a9",
    "dimgray": "#696969",
    "dimgrey": "#696969",
    "whitesmoke": "#f5f5f5",
    "gainsboro": "#dcdcdc",
    "red": "#ff0000",
    "darkred": "#8b0000",
    "maroon": "#800000",
    "crimson": "#dc143c",
    "tomato": "#ff6347",
    "orange": "#ffa500",
    "darkorange": "#ff8c00",
    "gold": "#ffd700",
    "yellow": "#ffff00",
    "olive": "#808000",
    "green": "#008000",
    "darkgreen": "#006400",
    "lime": "#00ff00",
    "teal": "#008080",
    "aqua": "#00ffff",
    "cyan": "#00ffff",
    "blue": "#0000ff",
    "navy": "#000080",
    "darkblue": "#00008b",
    "royalblue": "#4169e1",
    "steelblue": "#4682b4",
    "purple": "#800080",
    "indigo": "#4b0082",
    "fuchsia": "#ff00ff",
    "magenta": "#ff00ff",
    "pink": "#ffc0cb",
    "brown": "#a52a2a",
    "beige": "#f5f5dc",
    "ivory": "#fffff0",
}


class Color(NamedTuple):
    """Red, green and blue from 0 to 255, and opacity from 0 to 1."""

    red: float
    green: float
    blue: float
    alpha: float = 1.0

    def __str__(self) -> str:
        return "#" + "".join(f"{round(part):02x}" for part in self[:3])

    def over(self, background: "Color") -> "Color":
        """What is seen of this colour on an opaque background."""
        mixed = (
            part * self.alpha + under * (1 - self.alpha) for part, under in zip(self[:3], background, strict=False)
        )
        return Color(*mixed)


def read_color(written: str) -> Color | None:
    """The colour of a CSS value; None for what only a browser could know (var(), inherit, a rarer name)."""
    value = written.strip().lower()
    value = _NAMES.get(value, value)
    if value == "transparent":
        return Color(0, 0, 0, 0)
    if _HEX.fullmatch(value):
        return _from_hex(value[1:])
    match = _FUNCTION.fullmatch(value)
    if match is None:
        return None
    try:
        return _from_function(match[1], [part for part in _PARTS.split(match[2].strip()) if part])
    except (ValueError, IndexError):
        return None


def _from_hex(digits: str) -> Color:
    if len(digits) < 6:
        digits = "".join(digit * 2 for digit in digits)
    red, green, blue, *alpha = (int(digits[start : start + 2], 16) for start in range(0, len(digits), 2))
    return Color(red, green, blue, alpha[0] / 255 if alpha else 1.0)


def _from_function(name: str, parts: list[str]) -> Color:
    alpha = min(max(_number(parts[3], 1.0), 0.0), 1.0) if len(parts) > 3 else 1.0
    if name == "rgb":
        red, green, blue = (min(max(_number(part, 255.0), 0.0), 255.0) for part in parts[:3])
        return Color(red, green, blue, alpha)
    hue = float(parts[0].removesuffix("deg")) % 360 / 360
    saturation, lightness = (min(max(_number(part, 1.0), 0.0), 1.0) for part in parts[1:3])
    red, green, blue = colorsys.hls_to_rgb(hue, lightness, saturation)
    return Color(red * 255, green * 255, blue * 255, alpha)


def _number(part: str, whole: float) -> float:
    """A number, or a percentage of `whole`. Raises ValueError."""
    number = float(part.removesuffix("%")) / 100 * whole if part.endswith("%") else float(part)
    if number != number:
        raise ValueError("not a number")
    return number


def contrast(one: Color, other: Color) -> float:
    """From 1 (the same) to 21 (black on white), WCAG 2.2 "contrast ratio"; both opaque."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: Color) -> float:
    red, green, blue = (_linear(part / 255) for part in color[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
