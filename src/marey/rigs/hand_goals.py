"""Hand goals: where a rig's hands belong, so that they keep their way to what they touch.

One rule. A hand hangs on several anchors at once: on its own shoulder, always, with weight 1 (there
it is where its arm points, as plain retargeting leaves it); on the other hand, the ground, the
head, the chest, the knees and the other shoulder with a weight that grows the nearer it is to them
and is zero from half a hand's breadth away. Each anchor proposes a place: the source's way from the
anchor to the hand, scaled, set off from the anchor's place on the rig. The goal is the weighted
mean. Hands that touch stay together, a hand at the head stays at the head, and hands that carry the
body stay on the ground; a hand that swings freely is left alone. Hips are no anchors: the hands of
a walk pass them as near as hands on hips are.
"""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from marey.motion.joint_matching import SIDES
from marey.rigs.bodies import ARMS, Body

_NEAR = 0.1
"""Share of the arm's length: a hand that is further from an anchor's surface does not feel it."""
_TOUCH = 0.02
"""Share of the arm's length: nearer than this counts as this near."""
_BODY, _HAND, _GROUND = 0.25, 0.1, 0.2
"""Shares of the arm's length: from a joint of the body, from a wrist and from the wrist of a hand
that lies flat to the surface. In the CMU clips wrists that wash hair are 15 cm from the head
joint, clapping ones 3 to 5 cm apart and crawling ones 7 to 13 cm above the ground."""


def hand_goals(
    source: Body, target: Body, anchors: Sequence[tuple[int, int]], scale: float
) -> dict[str, Float[Tensor, "frames 3"]]:
    """Return the places of the target's hands by arm; arms that one body lacks are left out.

    ``anchors`` are joints of the source, and of the target, that hands can be near.
    """
    arms = [arm for arm in ARMS if arm in source.limbs and arm in target.limbs]
    there = {arm: source.places[:, source.limbs[arm].end] for arm in arms}
    here = {arm: target.places[:, target.limbs[arm].end] for arm in arms}
    goals = {}
    for arm in arms:
        reach = source.limbs[arm].length
        ratio = target.limbs[arm].length / reach
        places, weights = [here[arm]], [torch.ones(len(target.root))]

        def hang(place: Tensor, distance: Tensor, places=places, weights=weights, reach=reach):
            places.append(place)
            weights.append(_weight(distance / reach))

        for other in arms:
            if other != arm:
                way = there[arm] - there[other]
                middle = (here[arm] + here[other]) / 2
                hang(middle + ratio * way / 2, way.norm(dim=-1) - _HAND * reach)
        if source.has_feet:
            hang(scale * there[arm], there[arm][:, 1] - _GROUND * reach)
        for joint, own in anchors:
            if joint != source.limbs[arm].start:
                way = there[arm] - source.places[:, joint]
                place = target.places[:, own] + scale * way
                hang(place, way.norm(dim=-1) - _BODY * reach)
        shares = torch.stack(weights, dim=1)
        shares = shares / shares.sum(1, keepdim=True)
        goals[arm] = (torch.stack(places, dim=1) * shares[..., None]).sum(1)
    return goals


def anchors_of(
    source: Body, target: Body, joints: Mapping[str, tuple[int, int]]
) -> list[tuple[int, int]]:
    """Return the joints, of source and target, that hands can be near, as far as both have them.

    ``joints`` holds both by the name of ``body22``.
    """
    names = ["spine2", "spine3", "head"]
    found = [joints[name] for name in names if name in joints]
    for side in SIDES:
        leg, arm = f"{side}_leg", f"{side}_arm"
        if leg in source.limbs and leg in target.limbs:
            found.append((source.limbs[leg].middle, target.limbs[leg].middle))
        if arm in source.limbs and arm in target.limbs:
            found.append((source.limbs[arm].start, target.limbs[arm].start))
    return found


def _weight(distance: Float[Tensor, " frames"]) -> Float[Tensor, " frames"]:
    """Return how much an anchor at a distance (in arm lengths) weighs beside the shoulder's 1."""
    return (_NEAR / distance.clamp(min=_TOUCH) - 1).clamp(min=0).square()
