"""Continuous batching: the steady state of a replica at a given load, and the highest load that
latency targets allow.

One replica spends its time on prompts (T seconds each) and on decode steps (D seconds, D growing
with the batch b). With N output tokens after the first, Little's law and the shares of time give

    tpot = D + b T / N          rate = b / (N tpot) = b / (N D + b T)

so the state follows from b without iteration, and the rate grows with b. The fixed point of a
target is found by bisection over b on all layouts of all configurations at once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from catalog.records import dataclass
from planner.performance.inference.queueing import MOST_UTILISATION, crowd, wait_quantile_s
from planner.performance.inference.step_times import LanguageTimes

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# Sequences an engine runs together at most (vLLM's max_num_seqs is 256 to 1,024).
MOST_SEQUENCES = 1024.0
# Front end, tokenizer and the way back, before the first token. Assumption.
FRONT_S = 0.02
# Share of the requests that must find room in the KV cache at once.
KV_QUANTILE = 0.95
HALVINGS = 26


@dataclass(frozen=True, slots=True)
class RequestMix:
    """Sizes of requests: tokens to prefill and cached ones (mean and at quantiles), tokens
    generated, and the tokens a decoding request holds on average. ``chunk`` tokens of prompts are
    computed in one pass; ``request_s`` are seconds that a replica's host spends on a request.
    """

    new: float
    cached: float
    new_at: dict[float, float]
    output: float
    held: float
    most: float
    size_scv: float
    arrival_scv: float
    chunk: float
    request_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Target:
    """A latency that must hold: ``kind`` is ttft or tpot, ``quantile`` 0.5, 0.95 or 0.99."""

    kind: str
    quantile: float
    seconds: float

    @property
    def name(self) -> str:
        return f"{self.kind}_p{round(100 * self.quantile)}"


@dataclass(frozen=True)
class State:
    """Replicas at a load, shape (n, layouts). ``rate`` is requests/s of one replica."""

    decoding: Floats
    rate: Floats
    step_s: Floats
    prefill_busy: Floats

    def among(self, cells: Bools) -> State:
        """The marked layouts alone, shape (marked,)."""
        return State(
            self.decoding[cells], self.rate[cells], self.step_s[cells], self.prefill_busy[cells]
        )


class Batching:
    """Continuous batching on every layout of every configuration."""

    def __init__(
        self, times: LanguageTimes, mix: RequestMix, count: Floats, kv_requests: Floats
    ) -> None:
        self.times, self._kv_requests = times, kv_requests
        self.mix = mix
        self.count = count
        self.cap = np.minimum(kv_requests, MOST_SEQUENCES * times.pipeline)
        self.steps = max(mix.output - 1, 0.0)
        self.together = max(mix.chunk / mix.new, 1.0)
        prompt_s = times.prefill(mix.new, mix.cached, self.together).total
        self.packed_s = prompt_s / times.pipeline + mix.request_s
        self.chunks = mix.new / mix.chunk
        self.saturated = self._saturated()

    def among(self, cells: Bools) -> Batching:
        """The marked layouts alone, shape (marked,)."""
        return Batching(
            self.times.among(cells), self.mix, self.count[cells], self._kv_requests[cells]
        )

    def _saturated(self) -> Floats:
        """Requests/s of one replica whose queue is never empty."""
        if self.steps == 0:
            return np.where(self.cap >= 1, 1 / self.packed_s, np.nan)
        step = self.times.decode_step_s(self.cap, self.mix.held)
        result: Floats = self.cap / (self.steps * step + self.cap * self.packed_s)
        return np.where(self.cap >= 1, result, np.nan)

    def state(self, load: Floats) -> State:
        """Steady state. ``load`` is the mean number decoding, or, where nothing is decoded, the
        share of saturation.
        """
        if self.steps == 0:
            rate = load * self.saturated
            return State(np.zeros_like(rate), rate, np.zeros_like(rate), rate * self.packed_s)
        # A request sees the others and itself (arrivals see time averages).
        step = self.times.decode_step_s(1 + load, self.mix.held)
        rate = load / (self.steps * step + load * self.packed_s)
        return State(load, rate, step, rate * (self.packed_s + self.chunks * step))

    def full(self) -> State:
        """Every place taken: a request sees all the others. NaN where not one fits."""
        others = np.maximum(self.cap - 1, 0.0)
        if self.steps == 0:
            return self.state(np.ones_like(self.cap))
        step = self.times.decode_step_s(self.cap, self.mix.held)
        return State(others, self.saturated, step, self.saturated * self.packed_s)

    def tpot_s(self, state: State, quantile: float) -> Floats:
        """Quantile of time per output token: the batch varies, and with it the prompts between."""
        if self.steps == 0:
            return np.full_like(state.rate, np.nan)
        others = crowd(state.decoding, quantile, self.mix.arrival_scv)
        step = self.times.decode_step_s(1 + others, self.mix.held)
        result: Floats = step + others * self.packed_s / self.steps
        return result

    def prompt_s(self, state: State) -> Floats:
        """Seconds that a replica is busy with one prompt beside the running batch."""
        result: Floats = self.packed_s + self.chunks * state.step_s
        return result

    def first_token_s(self, state: State, new: float) -> Floats:
        """Time to first token of a request that waits for no other: front end, the step under way,
        and the own prompt of ``new`` tokens, whose chunks share iterations with the running batch.
        """
        own = self.times.prefill_s(new, self.mix.cached)
        own = own + np.ceil(max(new / self.mix.chunk, 1.0)) * state.step_s
        result: Floats = FRONT_S + own + state.step_s / 2
        return result

    def ttft_s(self, state: State, quantile: float) -> Floats:
        """Quantile of time to first token, the wait for the prompts before included."""
        wait = wait_quantile_s(
            self.prompt_s(state),
            state.prefill_busy,
            self.count,
            arrival_scv=self.mix.arrival_scv,
            service_scv=self.mix.size_scv,
            quantile=quantile,
        )
        result: Floats = self.first_token_s(state, self.mix.new_at[quantile]) + wait
        return result

    def latency_s(self, state: State, target: Target) -> Floats:
        if target.kind == "ttft":
            return self.ttft_s(state, target.quantile)
        return self.tpot_s(state, target.quantile)

    def holds(self, load: Floats, targets: tuple[Target, ...], slack: Floats) -> Bools:
        """Whether a load is stable, fits the KV cache and meets the targets when all times are
        ``slack`` times longer, shape (n, 1).
        """
        state = self.state(load)
        good = state.prefill_busy <= MOST_UTILISATION
        good &= state.rate <= MOST_UTILISATION * self.saturated
        good &= crowd(state.decoding, KV_QUANTILE, self.mix.arrival_scv) <= self.cap
        for target in targets:
            fixed = FRONT_S if target.kind == "ttft" else 0.0
            late = fixed + (self.latency_s(state, target) - fixed) * slack
            # A target that does not apply (tpot of one token) is met.
            good &= np.isnan(late) | (late <= target.seconds)
        return good

    def closed_rate(self, requests: Floats) -> Floats:
        """Requests/s of one replica with so many in flight all the time, as benchmarks load it."""
        step = self.times.decode_step_s(requests, self.mix.held)
        result: Floats = requests / (self.steps * step + requests * self.packed_s)
        return result

    def highest_load(
        self, targets: tuple[Target, ...], slack: Floats, halvings: int = HALVINGS
    ) -> Floats:
        """The highest load at which all holds, by bisection; NaN where even an idle one fails.

        Of all layouts one in thirty may hold anything: only those are looked at again and again.
        """
        found = np.full(self.count.shape, np.nan)
        with np.errstate(invalid="ignore"):
            fits = self.cap >= 1
            some, slack = self.among(fits), np.broadcast_to(slack, fits.shape)[fits]
            idle = some.holds(np.zeros(len(slack)), targets, slack)
            few, slack = some.among(idle), slack[idle]
            low = np.zeros(len(slack))
            high = np.ones(len(slack)) if self.steps == 0 else np.maximum(few.cap, 1.0)
            for _ in range(halvings):
                middle = (low + high) / 2
                good = few.holds(middle, targets, slack)
                low, high = np.where(good, middle, low), np.where(good, high, middle)
        load = np.full(len(idle), np.nan)
        load[idle] = np.where(low > 0, low, np.nan)
        found[fits] = load
        return found
