"""Fitting and cross-validation: nothing of a left-out group has a say in how it is predicted."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from catalog import Catalog
from planner.errors import BadInput
from planner.performance.learned import members
from planner.performance.learned.artefact import ARTEFACT, current, load, save, user_file
from planner.performance.learned.blends import Chooser, predict_held_out
from planner.performance.learned.crossval import SCHEMES, HeldOut, fold_keys, folds
from planner.performance.learned.first_token import fit_first_token
from planner.performance.learned.fitting_set import FittingSet, fitting_set
from planner.performance.learned.intervals import ACCELERATOR, FLOOR, PAIR, calibrate
from planner.performance.learned.learner import MEMBERS, STEP_MODEL, Blend, blended, combine
from planner.performance.learned.scores import score
from planner.performance.learned.validation import Scheme, Validation


@pytest.fixture(scope="module")
def data(catalog: Catalog) -> FittingSet:
    """A seventeenth of the observations."""
    return fitting_set(catalog, catalog.rows("observations", "rowid % 17 = 0 AND value > 0"))


def fake(data: FittingSet, scheme: str, seed: int) -> HeldOut:
    """Members that are off by noise, the first one least, as if they had been cross-validated."""
    rng = np.random.default_rng(seed)
    keys, count = fold_keys(data, scheme)
    noise = rng.normal(0, 1, (MEMBERS, len(data))) * np.array([[0.1], [0.3], [0.9], [0.9]])
    noise[STEP_MODEL, rng.random(len(data)) < 0.5] = np.nan
    known = np.full(len(data), scheme != "accelerator")
    return HeldOut(scheme, folds(keys, count), data.target + noise, known, known)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_folds_never_split_a_group_and_are_always_the_same(data: FittingSet, scheme: str) -> None:
    keys, count = fold_keys(data, scheme)
    fold = folds(keys, count)
    of_key = dict(zip(keys, fold.tolist(), strict=True))
    assert [of_key[key] for key in keys] == fold.tolist()
    assert set(fold.tolist()) == set(range(count))
    assert (folds(list(reversed(keys)), count) == fold[::-1]).all()


def test_the_better_member_gets_the_weight(data: FittingSet) -> None:
    chooser = Chooser(data, fake(data, "pair", 1), fake(data, "accelerator", 2))
    blends = chooser.choose(np.ones(len(data), np.bool_))
    for blend in blends.values():
        assert blend.familiar[0] >= 0.7 and blend.unseen[0] >= 0.7
        assert math.isclose(sum(blend.familiar), 1.0)


def test_where_the_step_model_says_nothing_the_others_share_its_part() -> None:
    blend = Blend((0.4, 0.2, 0.2, 0.2), (0.0, 0.0, 0.0, 1.0))
    spoken = np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [9.0, np.nan]])
    familiar, spread = combine(spoken, np.array([True, True]), blend)
    assert familiar == pytest.approx([0.4 + 0.4 + 0.6 + 1.8, (0.4 + 0.4 + 0.6) / 0.8])
    assert spread[0] > spread[1] > 0
    unseen, _ = combine(spoken, np.array([False, False]), blend)
    assert unseen == pytest.approx([9.0, 2.0])  # without a weight of their own they count alike
    assert np.isnan(blended(np.full((MEMBERS, 1), np.nan), np.ones((MEMBERS, 1)))).all()


def test_the_classes_of_a_learner_count_alike_in_its_weights(data: FittingSet) -> None:
    """A class of few rows outvotes one of many where its members differ more."""
    features = data.features["language_training"]
    small = np.array(data.table.classes)[features.rows] == "LLM train TPU"
    assert 0 < small.sum() < 0.3 * len(small)
    target = data.target
    found = []
    for few in (0.2, 2.0):  # how far the first member is off in the small class
        members = np.tile(target, (MEMBERS, 1))
        members[STEP_MODEL] = np.nan
        members[0, features.rows] += np.where(small, few, 0.0)
        members[1, features.rows] += np.where(small, 0.0, 0.5)
        members[2, features.rows] += 5.0
        known = np.ones(len(data), np.bool_)
        held = [
            HeldOut(s, folds(*fold_keys(data, s)), members, known if s == PAIR else ~known, known)
            for s in (PAIR, ACCELERATOR)
        ]
        found.append(Chooser(data, held[0], held[1]).choose(known)["language_training"])
    assert found[0].familiar[0] > 0.9 and found[1].familiar[1] > 0.9


def test_the_values_of_a_fold_do_not_move_its_own_predictions(data: FittingSet) -> None:
    pairs, accelerators = fake(data, "pair", 1), fake(data, "accelerator", 2)
    fold = accelerators.fold == accelerators.fold[0]
    shifted = replace(data, values=np.where(fold, data.values * 50.0, data.values))
    before, _ = predict_held_out(data, accelerators, Chooser(data, pairs, accelerators))
    after, _ = predict_held_out(shifted, accelerators, Chooser(shifted, pairs, accelerators))
    assert after[fold] == pytest.approx(before[fold], nan_ok=True)


def validation(data: FittingSet) -> Validation:
    held = {name: fake(data, name, seed) for seed, name in enumerate((PAIR, ACCELERATOR), 1)}
    chooser = Chooser(data, held[PAIR], held[ACCELERATOR])
    schemes = {}
    for name, one in held.items():
        residual, spread = predict_held_out(data, one, chooser)
        schemes[name] = Scheme(one, data.target - residual, spread)
    return Validation(data, chooser, schemes)


def test_intervals_of_a_fold_come_from_the_others_and_hold(data: FittingSet) -> None:
    found = validation(data)
    accelerators = found.schemes[ACCELERATOR]
    fold = accelerators.held.fold == accelerators.held.fold[0]
    wild = replace(accelerators, errors=np.where(fold, 9.0, accelerators.errors))
    other = replace(found, schemes={**found.schemes, ACCELERATOR: wild})
    assert other.intervals(~fold) == found.intervals(~fold)
    assert other.intervals(np.ones_like(fold)) != found.intervals(np.ones_like(fold))
    for name in (PAIR, ACCELERATOR):
        assert 0.7 < np.mean(found.covered(name)) < 0.9


def test_few_groups_widen_intervals_however_many_rows_they_have() -> None:
    """Eight wild groups count as eight opinions beside a calm class, a hundred rows each or one."""
    rng = np.random.default_rng(0)
    found = []
    for repeats in (1, 100):
        wild = np.repeat(rng.permutation(np.linspace(-3, 3, 8)), repeats)
        errors = np.concatenate([rng.normal(0, 0.05, 4000), wild])
        classes = np.array(["calm"] * 4000 + ["wild"] * len(wild))
        groups = np.array([f"c{i}" for i in range(4000)] + [f"w{x}" for x in wild])
        weight = np.where(classes == "calm", 1.0, 1.0 / repeats)
        everything = np.ones(len(errors), np.bool_)
        zero = np.zeros(len(errors))
        found.append(
            calibrate(errors, zero, classes, groups, weight, PAIR, everything)[f"wild|{PAIR}"]
        )
    assert found[0] == pytest.approx(found[1], rel=0.05)
    # Eight thirteenths of the extremes seen, the rest of what all rows show.
    assert found[0][1] == pytest.approx(8 / 13 * 3 / FLOOR, rel=0.1)


def test_the_measure_caps_groups_and_counts_refusals_as_wholly_wrong(data: FittingSet) -> None:
    everything = np.ones(len(data), np.bool_)
    exact = score(PAIR, data, np.zeros(len(data)), everything)
    assert exact.mean_error == 0.0 and exact.refused == 0
    tenth = score(PAIR, data, np.full(len(data), math.log(1.1)), everything)
    assert tenth.mean_error == pytest.approx(0.1)
    tenfold = score(PAIR, data, np.full(len(data), math.log(10.0)), everything)
    assert tenfold.mean_error == pytest.approx(1.0)
    refused = score(PAIR, data, np.full(len(data), np.nan), everything)
    assert refused.mean_error == 1.0 and refused.refused == len(data)


def test_each_group_counts_alike_however_many_rows_it_has(data: FittingSet) -> None:
    name = data.table.classes[0]
    mine = np.array(data.table.classes) == name
    groups = sorted({group for group, one in zip(data.groups, mine, strict=True) if one})
    off = np.array([group == groups[0] for group in data.groups])
    found = score(PAIR, data, np.where(off, math.log(1.5), 0.0), mine)
    (own,) = (one for one in found.scores if one.name == name)
    assert own.error == pytest.approx(0.5 / len(groups))


def test_a_missing_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(members.importlib, "import_module", missing)
    with pytest.raises(BadInput, match=r"lightgbm.*ai-capacity-planner\[fit\]"):
        members.require_libraries()


def test_time_to_the_first_token_follows_what_was_planted() -> None:
    rng = np.random.default_rng(3)
    count = 400
    parts = {
        "requests_per_replica": 2.0 ** rng.uniform(0, 8, count),
        "prompt": 2.0 ** rng.uniform(5, 13, count),
        "output": 2.0 ** rng.uniform(5, 11, count),
        "prefill": np.exp(rng.uniform(-5, 0, count)),
        "step": np.exp(rng.uniform(-5, -2, count)),
    }
    truth = 3.0 * parts["requests_per_replica"] ** 0.4 * parts["prefill"] ** 0.9
    found = fit_first_token(parts, np.zeros(count), truth * np.exp(rng.normal(0, 0.05, count)))
    assert found is not None and found.log_sd < 0.07
    expected = np.fmax(truth, parts["prefill"])
    assert np.log(found.seconds(parts, np.zeros(count)) / expected) == pytest.approx(0, abs=0.1)
    beyond = {**parts, "requests_per_replica": np.full(count, 1e7)}  # no such load was seen
    largest = {**parts, "requests_per_replica": np.full(count, 256.0)}
    assert found.seconds(beyond, np.zeros(count)) == pytest.approx(
        found.seconds(largest, np.zeros(count)), rel=0.05
    )
    assert fit_first_token(parts, np.zeros(count), np.full(count, np.nan)) is None


def test_an_artefact_survives_the_disk_to_the_byte(tmp_path: Path) -> None:
    again = tmp_path / "again.npz"
    save(load(ARTEFACT), again)
    once = again.read_bytes()
    save(load(again), again)
    assert again.read_bytes() == once
    assert load(again).reports == load(ARTEFACT).reports
    assert not list(tmp_path.glob(".*"))


def test_the_users_own_fit_stands_above_the_shipped_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANNER_DATA_DIR", str(tmp_path))
    assert current().provenance == load(ARTEFACT).provenance
    shipped = load(ARTEFACT)
    save(replace(shipped, provenance={**shipped.provenance, "rows": "7"}), user_file())
    assert current().provenance["rows"] == "7"


def test_a_fit_is_deterministic_and_needs_no_rows_that_it_leaves_out(data: FittingSet) -> None:
    pytest.importorskip("lightgbm")
    pytest.importorskip("sklearn")
    name = "language_training"
    features = data.features[name]
    chosen = np.ones(len(data), np.bool_)
    chosen[features.rows[::2]] = False
    models = [data.table.models[i] for i in features.rows]
    first = members.fit_learner(data, name, chosen).members(
        features.matrix, models, features.step_model
    )
    spoilt = replace(data, values=np.where(chosen, data.values, 1e6))
    second = members.fit_learner(spoilt, name, chosen).members(
        features.matrix, models, features.step_model
    )
    assert np.array_equal(first, second, equal_nan=True)
