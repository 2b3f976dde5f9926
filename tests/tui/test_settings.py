"""The user's config file, themes, ASCII."""

from __future__ import annotations

import tomllib

import pytest

from planner.cli.main import run
from tests.tui.conftest import Start
from tui.app import PlannerApp, all_keys
from tui.ascii import locale_lacks_unicode, plain, wants_ascii
from tui.config import config_path, read_config
from tui.keys import labelled
from tui.screens.help import HelpScreen
from tui.themes import OWN, ROUND
from tui.widgets.inputs import capacity_fields, constraints

KEYS = {"explore.mark": "m", "explore.pin": "p", "app.quit": "q", "compare.swap": "m"}


def read(text: str) -> tuple[object, object, dict[str, str], list[str]]:
    path = config_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    found = read_config(path, ["textual-dark", "high-contrast"], lambda: KEYS)
    return found.theme, found.ascii, found.keys, found.mistakes


def test_a_good_file() -> None:
    text = 'theme = "high-contrast"\nascii = true\n[keys]\n"explore.mark" = "space,k"\n'
    assert read(text) == ("high-contrast", True, {"explore.mark": "space,k"}, [])
    assert read('[keys]\nexplore.mark = "k"\n')[2] == {"explore.mark": "k"}  # without quotes


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("theme =", "is no TOML"),
        ('theme = "high-contrats"', "did you mean high-contrast?"),
        ("themes = 1", "did you mean theme?"),
        ("ascii = 1", "write ascii = true"),
        ("keys = 3", "is no table"),
        ('[keys]\n"explore.mrak" = "k"', "did you mean explore.mark?"),
        ('[keys]\n"explore.mark" = ""', "names no key"),
        ('[keys]\n"explore.mark" = 4', "names no key"),
        ('[keys]\n"explore.mark" = "p"', "p is the key of explore.pin as well"),
        ('[keys]\n"explore.mark" = "q"', "q is the key of app.quit as well"),
    ],
)
def test_a_mistake_is_told_with_a_remedy_and_changes_nothing_else(text: str, words: str) -> None:
    theme, plain_signs, _, mistakes = read(text)
    assert (theme, plain_signs) == (None, None)
    assert len(mistakes) == 1 and words in mistakes[0] and str(config_path()) in mistakes[0]


def test_other_screens_may_have_the_same_key() -> None:
    assert read('[keys]\n"compare.swap" = "p"') == (None, None, {"compare.swap": "p"}, [])


async def test_moved_keys_work_and_are_shown(start: Start) -> None:
    read(
        'theme = "high-contrast"\n[keys]\n"explore.mark" = "k"\n'
        '"explore.budget" = "g"\n"explore.nodes" = "h"\n"catalog.find" = "ctrl+f"\n'
    )
    async with start() as it:
        # Fields say the keys that lead there: by an underlined letter, or before their name.
        shown = [str(label.render()) for label in it.screen.query("#constraints Label")]
        assert shown[:3] == ["Deadline", "Budget $", "h Nodes ≤"]
        assert labelled(it.screen, "explore.budget", "b", "Budget $") == "Bud[u]g[/u]et $"
        assert labelled(it.screen, "catalog.find", "slash", "Find") == "[u]^f[/u] Find"
        assert it.app.theme == "high-contrast"
        await it.pilot.press("m")
        assert it.app.marked == []
        await it.pilot.press("k")
        assert it.app.marked == [it.view.options[0]]
        await it.pilot.press("question_mark")
        assert isinstance(it.app.screen, HelpScreen)
        text = str(it.app.screen.query_one("#help Static").render())
        assert "k  mark the chosen row" in text


async def test_a_bad_file_is_told_and_the_defaults_stay(start: Start) -> None:
    read('theme = "pink"\n[keys]\n"explore.mrak" = "k"\n')
    async with start() as it:
        told = [notice.message for notice in it.app._notifications]
        assert len(told) == 1 and "did you mean explore.mark?" in told[0]
        await it.pilot.press("m")
        assert len(it.app.marked) == 1


def test_every_key_of_every_screen_can_be_moved(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tui", "--list-keys"]) == 0
    printed = tomllib.loads(capsys.readouterr().out)["keys"]
    assert printed == dict(all_keys()) and {"explore.mark", "app.undo"} <= set(printed)
    path = config_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("[keys]\n" + "".join(f'"{id_}" = "{key}"\n' for id_, key in printed.items()))
    assert read_config(path, [], all_keys).mistakes == []  # no two defaults get in each other's way


async def test_themes_in_turn(start: Start) -> None:
    async with start((80, 24)) as it:
        seen = [it.app.theme]
        for _ in ROUND[1:]:
            await it.pilot.press("l")
            seen.append(it.app.theme)
        assert tuple(seen) == ROUND
        await it.pilot.press("l")
        assert it.app.theme == ROUND[0]


def test_high_contrast_is() -> None:
    """At least 7:1 for what carries meaning, as WCAG AAA asks."""
    from textual.color import Color

    for theme in OWN:
        ground = Color.parse(str(theme.background))
        for name in ("foreground", "primary", "success", "warning", "error", "accent"):
            colour = Color.parse(str(getattr(theme, name)))
            lighter, darker = sorted((luminance(colour), luminance(ground)), reverse=True)
            assert (lighter + 0.05) / (darker + 0.05) >= 7, (theme.name, name)


def luminance(colour: object) -> float:
    def linear(part: float) -> float:
        return part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(part / 255) for part in colour.rgb)  # type: ignore[attr-defined]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


async def test_ascii_draws_nothing_else(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANNER_ASCII", "1")
    async with start((80, 24)) as it:
        await it.pilot.press("m", "question_mark")
        shown = [strip.text for strip in it.app.screen._compositor.render_strips()]
        assert any("cheapest" in line for line in shown)
        await it.pilot.press("escape")
        shown += [strip.text for strip in it.app.screen._compositor.render_strips()]
        assert all(line.isascii() for line in shown)
        assert all(len(line) == 80 for line in shown)


def test_signs_keep_their_width() -> None:
    assert [plain(sign) for sign in "a×★≤…é│╋▄⠒⠀"] == list("ax*<.e|+-. ")
    assert plain("漢") == "??"


def test_when_ascii_is_wanted() -> None:
    for environ in (
        {"LC_ALL": "C"},
        {"LANG": "de_DE.latin1"},
        {"LC_ALL": "POSIX", "LANG": "x.UTF-8"},
    ):
        assert locale_lacks_unicode(environ), environ
    for said in ({}, {"LANG": "en_US.UTF-8"}, {"LANG": "C.UTF-8"}, {"LC_ALL": "C.utf8"}):
        assert not locale_lacks_unicode(said), said
    assert wants_ascii(None, {"PLANNER_ASCII": "1"})
    assert not wants_ascii(True, {"PLANNER_ASCII": "0"})
    assert wants_ascii(True, {}) and not wants_ascii(False, {"LC_ALL": "C"})


def test_the_app_has_all_themes() -> None:
    from planner.actions.explore.plan import open_subject
    from tui.app import DEFAULT_WORKLOAD

    app = PlannerApp(open_subject(str(DEFAULT_WORKLOAD), shipped=True))
    assert set(ROUND) <= set(app.available_themes)


def test_fields_name_the_keys_there_are() -> None:
    """What a label looks up in the config file is a key with that default."""
    keys = all_keys()
    for id_, default in (*constraints.KEYS.values(), *capacity_fields.KEYS.values()):
        assert keys[id_] == default
    for id_, default in (("compare.side_a", "a"), ("compare.side_b", "b")):
        assert keys[id_] == default
    assert (keys["calibrate.money"], keys["catalog.find"]) == ("m", "slash")
    assert keys["catalog.accept_jumps"] == "j"
