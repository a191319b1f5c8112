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

from collections.abc import Iterator, Mapping, Sequence

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
    goals = {}
    for arm in arms:
        reach = source.limbs[arm].length
        proposals = [
            *_beside_the_other(source, target, arm, [other for other in arms if other != arm]),
            *_beside_joints(source, target, arm, anchors, scale),
        ]
        if source.has_feet:
            hand = _hand(source, arm)
            proposals.append((scale * hand, hand[:, 1] - _GROUND * reach))
        own = _hand(target, arm)
        weights = [_weight(distance / reach) for _, distance in proposals]
        shares = torch.stack((torch.ones_like(own[:, 0]), *weights), dim=1)
        places = torch.stack((own, *(place for place, _ in proposals)), dim=1)
        goals[arm] = (places * (shares / shares.sum(1, keepdim=True))[..., None]).sum(1)
    return goals


_Proposal = tuple[Float[Tensor, "frames 3"], Float[Tensor, " frames"]]
"""Where an anchor wants a hand, and how far the source's hand is from the anchor's surface."""


def _hand(body: Body, arm: str) -> Float[Tensor, "frames 3"]:
    return body.places[:, body.limbs[arm].end]


def _beside_the_other(
    source: Body, target: Body, arm: str, others: Sequence[str]
) -> Iterator[_Proposal]:
    """Yield the place beside the middle of both hands, at the source's way scaled by the arms."""
    reach = source.limbs[arm].length
    ratio = target.limbs[arm].length / reach
    for other in others:
        way = _hand(source, arm) - _hand(source, other)
        middle = (_hand(target, arm) + _hand(target, other)) / 2
        yield middle + ratio * way / 2, way.norm(dim=-1) - _HAND * reach


def _beside_joints(
    source: Body, target: Body, arm: str, anchors: Sequence[tuple[int, int]], scale: float
) -> Iterator[_Proposal]:
    """Yield the places beside joints other than the arm's own shoulder."""
    for joint, own in anchors:
        if joint != source.limbs[arm].start:
            way = _hand(source, arm) - source.places[:, joint]
            distance = way.norm(dim=-1) - _BODY * source.limbs[arm].length
            yield target.places[:, own] + scale * way, distance


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
