"""The events of a motion: what each part, each pair and the whole body does, and when."""

from marey.motion import Motion
from marey.predicates.arm_events import arm_events
from marey.predicates.body import Body
from marey.predicates.event import Event, order
from marey.predicates.leg_events import leg_events
from marey.predicates.pair_events import pair_events
from marey.predicates.posture import posture_codes
from marey.predicates.posture_events import jump_events, posture_events
from marey.predicates.travel_events import step_events, steps, travel_events, turn_events
from marey.predicates.trunk_events import trunk_events


def find_events(motion: Motion) -> tuple[Event, ...]:
    """Events in the order of their starts; none of a body that only stands is a movement.

    Raises InvalidInputError where the skeleton lacks a role but the head's, in which case there
    are no events of a head and of pairs with it.
    """
    body = Body.of(motion)
    codes, jumps = posture_codes(body), jump_events(body)
    found = steps(body, jumps)
    travel = travel_events(body, found, codes)
    parts = [
        *jumps,
        *travel,
        *turn_events(body),
        *posture_events(body, codes, jumps),
        *trunk_events(body),
        *arm_events(body),
        *step_events(found),
        *leg_events(body, travel, jumps),
    ]
    events = sorted(parts + pair_events(body, parts), key=order)
    return tuple(e for e in events if body.has_head or "head" not in e.slot.split("+"))
