"""An input that leaves the layout alone."""

from __future__ import annotations

from textual.geometry import Size
from textual.reactive import Reactive, reactive
from textual.widgets import Input


class TextField(Input):
    """An input as wide as its styles say, whatever is typed.

    The library's lays the whole screen out anew with every key, in case its width follows its text.
    """

    value = reactive("", init=False)
    virtual_size = Reactive(Size(0, 0))
