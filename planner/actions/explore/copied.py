"""An option of the screen as text for another tool."""

from __future__ import annotations

from planner.actions.explore.view import Option, View


def skypilot_task(view: View, option: Option) -> str:
    """YAML for ``sky launch``, or ``sky serve up`` for a service, as ``planner export`` writes it.

    What it runs is left open: the screen does not ask for a command. Raises BadInput for an option
    that SkyPilot cannot start.
    """
    from planner.exports.skypilot import skypilot
    from planner.exports.subject import Wishes, subject_of

    alone = {"recommendation": option.item, "mix": None}
    result = view.recommendation.model_copy(update=alone)
    subject = subject_of(result, view.workload, "this option", view.vendors)
    return skypilot(subject, Wishes())
