"""Plots as SVG that stands inside of the page: its colours are the page's own."""

from __future__ import annotations

import io
import re
from collections import Counter
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib import dates, ticker
from matplotlib.figure import Figure

from target_octanist.reporting.outcomes import OUTCOMES
from target_octanist.reporting.words import local, spoken

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from matplotlib.axes import Axes

    from target_octanist.reporting.past import Account

#: In CSS pixels: a unit of the SVG is one where the plot has its full width.
_WIDTH, _HEIGHT, _TEXT = 400, 200, 12

#: Up to this many days an axis shows seconds, and up to this many minutes.
_MINUTES_TOLD, _HOURS_TOLD = 10 / 1440, 2

#: A period is shown in about this many bars.
_BARS: Final = 60

#: Colours that nothing else has, and the page's variables that they stand for.
_VARIABLES: Final[Mapping[str, str]] = {
    "#010204": "soft",
    "#010205": "line",
    **{f"#0a0b{number:02x}": name.replace("_", "-") for number, name in enumerate(OUTCOMES)},
    "#0c0d01": "first",
    "#0c0d02": "second",
    "#0c0d03": "third",
}
_COLOURS: Final[Mapping[str, str]] = {name: colour for colour, name in _VARIABLES.items()}

_STYLE: Final[dict[Any, Any]] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "octanist",
    "font.size": _TEXT,
    "font.family": "sans-serif",
    "axes.edgecolor": _COLOURS["line"],
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "grid.color": _COLOURS["line"],
    "grid.linewidth": 0.7,
    "xtick.color": _COLOURS["line"],
    "ytick.color": _COLOURS["line"],
    "xtick.labelcolor": _COLOURS["soft"],
    "ytick.labelcolor": _COLOURS["soft"],
    "ytick.major.size": 0,
    "lines.linewidth": 1.6,
}


class Plot(NamedTuple):
    """A plot, and what it shows in words.

    Attributes:
        keys: What each colour stands for: the page's variable, and a word.
    """

    title: str
    note: str
    keys: Sequence[tuple[str, str]]
    svg: Markup


class _Point(NamedTuple):
    """What happened in one span of time; it starts at a time of the machine's own clock."""

    start: datetime
    seconds: float
    settled: Mapping[str, int]
    latency: tuple[float | None, float | None, float | None]
    in_flight: int
    pace: int


def plots(runs: Sequence[Account]) -> list[Plot]:
    """Draw what happened in one run, or in several.

    Args:
        runs: With their timelines.

    Returns:
        None at all if nothing was counted.
    """
    points = [point for account in reversed(runs) for point in _points(account)]
    found = []
    if any(point.settled for point in points):
        found.append(_leads(_bars(points)))
    if any(point.latency[0] is not None for point in points):
        found += [_latency(points), _pace(points)]
    return found


def _points(account: Account) -> list[_Point]:
    figures = account.figures
    if figures is None:
        return []
    return [
        _Point(
            # Without its zone: a plot would show the time of UTC instead.
            local(figures.started_at + 1000 * span.second).replace(tzinfo=None),
            figures.span_seconds,
            span.settled,
            (span.latency.p50, span.latency.p95, span.latency.p99),
            span.in_flight,
            span.pace,
        )
        for span in figures.timeline
    ]


def _bars(points: Sequence[_Point]) -> list[_Point]:
    """Sum up what was settled in bars of one width."""
    first = min(point.start for point in points)
    last = max(point.start + timedelta(seconds=point.seconds) for point in points)
    widest = max(point.seconds for point in points)
    width = max(widest, (last - first).total_seconds() / _BARS)
    sums: dict[int, Counter[str]] = {}
    for point in points:
        index = int((point.start - first).total_seconds() // width)
        sums.setdefault(index, Counter()).update(point.settled)
    return [
        _Point(first + timedelta(seconds=index * width), width, settled, (None, None, None), 0, 0)
        for index, settled in sorted(sums.items())
    ]


def _leads(bars: Sequence[_Point]) -> Plot:
    span = timedelta(seconds=bars[0].seconds)
    starts = [bar.start for bar in bars]
    shown = [name for name in OUTCOMES if any(bar.settled.get(name) for bar in bars)]

    def draw(axes: Axes) -> None:
        below = [0] * len(bars)
        for name in shown:
            heights = [bar.settled.get(name, 0) for bar in bars]
            colour = _COLOURS[name.replace("_", "-")]
            axes.bar(
                starts,  # type: ignore[arg-type]  # the stubs know no list of times
                heights,
                width=span * 0.9,  # type: ignore[arg-type]
                bottom=below,
                align="edge",
                color=colour,
            )
            below = [low + high for low, high in zip(below, heights, strict=True)]
        axes.yaxis.set_major_locator(ticker.MaxNLocator(4, integer=True))
        axes.yaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))

    total = sum(bar.settled.get(name, 0) for bar in bars for name in shown)
    note = f"{total:,} {'record' if total == 1 else 'records'} settled, {_each(bars[0].seconds)} a bar."
    keys = [(name.replace("_", "-"), spoken(name)) for name in shown]
    return _plot("leads", "Records over time", note, keys, draw)


def _latency(points: Sequence[_Point]) -> Plot:
    keys = [("first", "half within"), ("second", "95 of 100"), ("third", "99 of 100")]

    def draw(axes: Axes) -> None:
        for at, (colour, _) in enumerate(keys):
            _line(axes, points, partial(_percentile, at=at), _COLOURS[colour])
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_locator(ticker.MaxNLocator(4))
        axes.yaxis.set_major_formatter(_milliseconds)

    note = "From sending a lead to the answer of the API."
    return _plot("latency", "How long answers took", note, keys, draw)


def _pace(points: Sequence[_Point]) -> Plot:
    def draw(axes: Axes) -> None:
        _line(axes, points, lambda p: p.pace or None, _COLOURS["third"])
        _line(axes, points, lambda p: p.in_flight, _COLOURS["first"])
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_locator(ticker.MaxNLocator(4, integer=True))

    note = "Requests at once: the most that were under way, and the most that might have been."
    return _plot("pace", "Pace", note, [("first", "under way"), ("third", "allowed")], draw)


def _line(
    axes: Axes,
    points: Sequence[_Point],
    value: Callable[[_Point], float | None],
    colour: str,
) -> None:
    """Draw a line; it is broken where there is no value, and between runs."""
    times: list[datetime] = []
    values: list[float] = []
    end: datetime | None = None
    for point in points:
        height = value(point)
        if end is not None and point.start > end + timedelta(seconds=2 * point.seconds):
            times.append(end)
            values.append(float("nan"))
        if height is not None:
            end = point.start + timedelta(seconds=point.seconds)
            times += [point.start, end]
            values += [height, height]
    axes.plot(times, values, color=colour)  # type: ignore[arg-type]  # as above


def _percentile(point: _Point, at: int) -> float | None:
    return point.latency[at]


@ticker.FuncFormatter
def _milliseconds(value: float, _position: int | None) -> str:
    return f"{value / 1000:g} s" if value >= 1000 else f"{value:g} ms"  # noqa: PLR2004


def _each(seconds: float) -> str:
    for unit, name in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{seconds / unit:.3g} {name}"
    return f"{seconds:.3g} s"


def _plot(
    name: str,
    title: str,
    note: str,
    keys: Sequence[tuple[str, str]],
    draw: Callable[[Axes], None],
) -> Plot:
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH / 72, _HEIGHT / 72), layout="constrained")
        figure.patch.set_alpha(0)
        axes = figure.add_subplot()
        axes.patch.set_alpha(0)
        draw(axes)
        _tell_time(axes)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    svg = _for_page(text.getvalue(), name, title, note)
    return Plot(title, note, keys, Markup(svg))  # noqa: S704 - it is made of our own words


def _tell_time(axes: Axes) -> None:
    """Label the axis with as much of the time as its length asks for."""
    first, last = axes.get_xlim()
    days = last - first
    form = "%H:%M:%S" if days < _MINUTES_TOLD else "%H:%M" if days < _HOURS_TOLD else "%d %b"
    locator = dates.AutoDateLocator(minticks=2, maxticks=5)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.DateFormatter(form))  # type: ignore[no-untyped-call]


def _for_page(svg: str, name: str, title: str, note: str) -> str:
    """Make an SVG file a part of the page.

    Several plots stand in one page, so each one's ids get its name; and it has no size of
    its own but a place to fill, no colours but the page's, and words for a screen reader.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'id="([^"]+)"', rf'id="{name}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", svg)
    svg = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', svg)
    svg = re.sub(r"font: ([\d.]+px) [^;\"]+", r"font: \1 system-ui, sans-serif", svg)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, f"var(--{variable})")
    words = (
        f'<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-desc">{escape(note)}</desc>'
    )
    named = f'role="img" aria-labelledby="{name}-title {name}-desc"'
    opening = re.compile(r'<svg[^>]*viewBox="([^"]+)"[^>]*>')
    spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return opening.sub(rf'<svg {spaces} viewBox="\1" {named}>{words}', svg, count=1)
