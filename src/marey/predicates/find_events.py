"""The events of a motion: what each part, each pair and the whole body does, and when."""

from marey.motion import Motion
from marey.predicates.arm_events import arm_events
from marey.predicates.body_curves import BodyCurves
from marey.predicates.event import Event, order
from marey.predicates.leg_events import leg_events
from marey.predicates.pair_events import pair_events
from marey.predicates.posture_events import jump_events, posture_events
from marey.predicates.travel_events import step_events, steps, travel_events, turn_events
from marey.predicates.trunk_events import trunk_events


def find_events(motion: Motion) -> tuple[Event, ...]:
    """Events in the order of their starts; none of a body that only stands is a movement.

    Raises InvalidInputError where the skeleton lacks a role.
    """
    curves = BodyCurves.of(motion)
    jumps = jump_events(curves)
    found = steps(curves, jumps)
    travel = travel_events(curves, found)
    parts = [
        *jumps,
        *travel,
        *turn_events(curves),
        *posture_events(curves, jumps),
        *trunk_events(curves),
        *arm_events(curves),
        *step_events(found),
        *leg_events(curves, travel, jumps),
    ]
    return tuple(sorted(parts + pair_events(curves, parts), key=order))
