"""What an evaluation can be asked for, as tables: `codec eval list`."""

from __future__ import annotations

from codec.eval import anchor, measure
from codec.eval.medium import Metric
from codec.eval.table import Table

STAR = "*"


def anchors(media: str) -> Table:
    """The codecs by name. Raises PluginFailed."""
    standard = anchor.standard(media)
    found = {name: anchor.named(media, name) for name in anchor.known(media)}
    return Table(
        f"Codecs of {media}",
        "",
        ["name", "codec", "setting", "trained or tuned for", "here"],
        [
            [
                _starred(name, name in standard),
                one.title,
                one.knob,
                ", ".join(_trained(media, one)) or "-",
                one.missing() or "yes",
            ]
            for name, one in found.items()
        ],
    )


def measures(media: str) -> Table:
    """The metrics, by the name of what takes them. Raises PluginFailed."""
    return Table(
        f"Metrics of {media}",
        "",
        ["name", "metric", "range", "better", "made for", "trained or tuned for it", "here"],
        [
            [
                _starred(name, one.standard),
                metric.title,
                _limits(metric),
                "lower" if metric.distance else "higher",
                metric.made_for or "-",
                ", ".join(metric.trained) or "-",
                one.missing() or "yes",
            ]
            for name, one in measure.found(media).items()
            for metric in one.metrics
        ],
    )


def _starred(name: str, standard: bool) -> str:
    return f"{STAR} {name}" if standard else f"  {name}"


def _trained(media: str, one: anchor.Anchor) -> list[str]:
    metrics = [metric for m in measure.found(media).values() for metric in m.metrics]
    return [metric.title for metric in metrics if one.name in metric.trained or metric.key in one.trained_on]


def _limits(metric: Metric) -> str:
    low, high = metric.limits
    return f"{'-inf' if low is None else f'{low:g}'} to {'inf' if high is None else f'{high:g}'}"
