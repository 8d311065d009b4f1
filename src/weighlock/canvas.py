"""What the pictures of reports have in common: size, colours, fonts, and a PNG that is the same for the same input."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from weighlock.decisions.markdown import cleaned

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

# Okabe & Ito (2008): told apart by the colour-blind, and in grey
GOOD, BAD, DIM, INK = "#0072B2", "#D55E00", "#8A8F98", "#1F2430"
WIDTH, DPI = 8.0, 100  # inches, dots an inch: 800 pixels
COLOURS = 64
NAME = 36  # characters of a name
STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": "#C6CAD2",
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": "#E6E8EE",
    "grid.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "figure.dpi": DPI,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}


def figure_of(height: float, width: float = WIDTH) -> tuple[Figure, Axes]:
    """An empty picture of so many inches, without pyplot: nothing global, no display."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def save(figure: Figure, path: Path) -> None:
    """As a PNG of few colours, a third of the size, without a word on when and by what it was made."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())[:, :, :3])
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True, dpi=(DPI, DPI))


def line(axes: Axes, x: NDArray[Any], y: NDArray[Any], name: str, number: int) -> None:
    """One model's line: the challenger's is number 0, the champion's 1."""
    style: dict[str, Any] = (
        {"color": GOOD, "marker": "o", "ls": "-"}, {"color": BAD, "marker": "s", "ls": "--"},
    )[number]  # fmt: skip
    axes.plot(x, y, label=name, lw=1.8, ms=5, **style)


def dates(axes: Axes) -> None:
    """Days along the x axis, each with its year, whatever the language of the machine."""
    from matplotlib.dates import AutoDateLocator, DateFormatter

    axes.xaxis.set_major_locator(AutoDateLocator(minticks=3, maxticks=8))
    axes.xaxis.set_major_formatter(DateFormatter("%Y-%m-%d"))


def short(name: str) -> str:
    """A name as a label."""
    return cleaned(name, NAME)
