"""Keys of the Compare screen. What each does is said in the help panel and the palette."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from tui.keys import key


def _key(keys: str, action: str, label: str, does: str, *, footer: bool = False) -> Binding:
    return key("compare", keys, action, label, does, footer=footer)


def _vary(keys: str, axis: str, label: str, what: str) -> Binding:
    does = f"chart both costs over {what}, and where the cheaper side flips"
    return _key(keys, f"vary('{axis}')", label, does)


KEYS: list[BindingType] = [
    _key(
        "a",
        "focus_on('a')",
        "Side A",
        "type one side: H100-80GB, gpu, aws, on-prem, spot ...",
        footer=True,
    ),
    _key("b", "focus_on('b')", "Side B", "type the other side", footer=True),
    _key("k", "marked", "Marked", "compare the options marked on Explore", footer=True),
    _key("v", "next_axis", "Vary", "vary the next quantity, and back to the first", footer=True),
    _vary("m", "model_size", "Model size", "the number of the model's parameters"),
    _vary("s", "sequence_length", "Sequence", "the length of sequences or prompts"),
    _vary("p", "price_a", "Price of A", "the price of side A's machines"),
    _vary("o", "price_b", "Price of B", "the price of side B's machines"),
    _vary("d", "deadline", "Deadline", "the time allowed"),
    _vary("w", "utilisation", "Utilisation", "the share of time that own machines work"),
    _key("f", "fit_all", "Fit all", "everything in sight on the chart"),
    _key(
        "y",
        "copy_command",
        "Copy",
        "copy the command that gives this comparison",
        footer=True,
    ),
    _key("c", "focus_on('curves')", "Chart", "to the chart"),
    _key("t", "focus_on('sides')", "Table", "to the table"),
    _key("z", "zoom_pane", "Zoom pane", "the focused pane over the whole screen, and back"),
]
