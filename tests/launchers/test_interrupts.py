"""Signals around a run: each comes at its worst moment."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from launchers.interrupts import Interrupts
from planner.cli.calibrate_runs import signals_interrupt


def send(*signs: signal.Signals) -> None:
    for sign in signs:
        os.kill(os.getpid(), sign)


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_ends_the_run_and_the_next_waits(first: signal.Signals) -> None:
    said: list[str] = []
    done = []
    with pytest.raises(KeyboardInterrupt), Interrupts(said.append, "wait") as interrupts:
        try:
            send(first)
        finally:
            interrupts.hold()
            send(signal.SIGINT)
            done.append("given back")
    assert (said, done) == (["wait"], ["given back"])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_kept_until_the_end_and_then_raised() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), Interrupts(lambda _: None) as interrupts:
        interrupts.hold()
        send(signal.SIGINT)
        done.append("given back")
    assert done


def test_polite_kills_never_abandon_a_tear_down_but_a_second_ctrl_c_does() -> None:
    """`stop --all`, said again and again, must not be what leaves a machine behind."""
    said: list[str] = []
    reached = []
    with pytest.raises(KeyboardInterrupt), Interrupts(said.append, "wait") as interrupts:
        interrupts.hold()
        send(*[signal.SIGTERM] * 5, signal.SIGHUP, signal.SIGINT)
        reached.append("still there")
        send(signal.SIGINT)
        reached.append("never")
    assert (said, reached) == (["wait"], ["still there"])


@pytest.mark.parametrize("what", ["run", "command"])
def test_what_is_ignored_stays_ignored(what: str) -> None:
    """Under nohup a run outlives its terminal."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interrupts(lambda _: None) if what == "run" else signals_interrupt():
            send(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_other_threads_may_run_without() -> None:
    seen = []

    def work() -> None:
        with Interrupts(lambda _: None):
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGTERM)]
