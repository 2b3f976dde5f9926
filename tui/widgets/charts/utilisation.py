"""What a machine does while it is measured, as a line of bars a sensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.text import Text
from textual.widgets import Static

BARS = "▁▂▃▄▅▆▇█"
# Sensors worth watching: name, unit, and the value of a full bar (None: the largest seen).
SENSORS = {
    "cpu_percent": ("CPU", "%", 100.0),
    "memory_used_gib": ("memory", " GiB", None),
    "gpu_percent": ("GPU", "%", 100.0),
    "gpu_memory_mib": ("GPU memory", " MiB", None),
    "gpu_watts": ("GPU power", " W", None),
    "tpu_percent": ("TPU", "%", 100.0),
}


class Utilisation(Static):
    """One line a sensor that tells something; the newest sample is on the right."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._samples: Sequence[Mapping[str, float]] = ()

    def show(self, samples: Sequence[Mapping[str, float]]) -> None:
        self._samples = samples
        self.update(Text("\n".join(lines(samples, self.content_size.width or 80))))

    def on_resize(self) -> None:
        self.show(self._samples)


def lines(samples: Sequence[Mapping[str, float]], width: int) -> list[str]:
    """``CPU 97%, most 99%  ▁▃▇``, as wide as there is room."""
    found = []
    for name, (title, unit, full) in SENSORS.items():
        values = [sample[name] for sample in samples if name in sample]
        if values:
            most = max(values)
            label = f"{title} {values[-1]:.3g}{unit}, most {most:.3g}{unit}"
            found.append((label, values, full or most))
    if not found:
        return ["no samples yet: they come once a second while the program runs"]
    cells = max(len(label) for label, _, _ in found)
    room = max(1, width - cells - 1)
    return [f"{label:<{cells}} {bars(values[-room:], full)}" for label, values, full in found]


def bars(values: Sequence[float], full: float) -> str:
    """One block a value; ``full`` is a whole one."""
    top = len(BARS) - 1
    return "".join(BARS[min(top, max(0, round(v / full * top)))] if full else " " for v in values)
