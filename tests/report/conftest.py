"""One plan and its study for all tests of reports, made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog import Catalog
from planner.actions.report.study import study as study_of
from planner.actions.session import Session, workload_from
from planner.results.study import Study
from tests.planner.conftest import LORA
from tests.planner.conftest import planner as planner


@pytest.fixture(scope="session")
def session(catalog: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A session of a user who has measured nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLANNER_DATA_DIR", str(tmp_path_factory.mktemp("nothing")))
        found = Session(catalog)
        assert found.measured == []
        yield found


@pytest.fixture(scope="session")
def saved(session: Session, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recommendation saved as ``recommend --format json`` does."""
    workload, where = workload_from(str(LORA), None, {}, {})
    result = session.recommend(workload, where=where).recommendation
    path = tmp_path_factory.mktemp("saved") / "plan.json"
    path.write_text(result.model_dump_json(by_alias=True, indent=2))
    return path


@pytest.fixture(scope="session")
def study(saved: Path, session: Session) -> Study:
    from planner.actions.saved_result import read_result

    return study_of(read_result(str(saved)), str(saved), session)
