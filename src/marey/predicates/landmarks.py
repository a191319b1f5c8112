"""Landmarks: the joints of a skeleton between which poses are measured."""

from dataclasses import dataclass
from functools import lru_cache

from marey.errors import InvalidInputError
from marey.motion.joint_matching import chains, limbs, role_indices
from marey.predicates.trace import leg_length
from marey.skeleton import Skeleton

Pair = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Landmarks:
    """Indices of joints; pairs are left, right."""

    pelvis: int
    """Where the legs part."""
    chest: int
    """The last joint of the spine that carries both arms."""
    head: int
    hips: Pair
    knees: Pair
    heels: Pair
    toes: Pair
    shoulders: Pair
    elbows: Pair
    hands: Pair
    leg_length: float
    """Hip to knee to heel, metres, mean of both legs."""

    @property
    def points(self) -> list[int]:
        """The seven pairs from the hips to the hands, then the head."""
        pairs = (self.hips, self.knees, self.heels, self.toes)
        pairs += (self.shoulders, self.elbows, self.hands)
        return [joint for pair in pairs for joint in pair] + [self.head]


@lru_cache(maxsize=64)
def landmarks(skeleton: Skeleton) -> Landmarks:
    """Find the landmarks of a skeleton by its roles; knees, elbows and shoulders by its tree.

    Raises InvalidInputError where a role is missing or an arm or a leg has no joint halfway.
    """

    def pair(role: str) -> Pair:
        return skeleton.role(f"left_{role}"), skeleton.role(f"right_{role}")

    ends = {name: pair(role) for name, role in _ROLES.items()}
    head = skeleton.role("head")
    roles = role_indices(skeleton)
    found = limbs(skeleton, roles)
    absent = [name for name in _LIMBS if name not in found]
    if absent:
        raise InvalidInputError(
            f"Skeleton {skeleton.name!r} has no elbow or knee in {', '.join(absent)}; "
            "poses need limbs of two bones. Check its roles."
        )
    arms = [found[name].joints for name in _LIMBS[:2]]
    legs = [found[name].joints for name in _LIMBS[2:]]
    return Landmarks(
        pelvis=roles["pelvis"],
        chest=chains(skeleton, roles)["torso"].joints[-1],
        head=head,
        **ends,
        shoulders=(arms[0][0], arms[1][0]),
        elbows=(arms[0][1], arms[1][1]),
        knees=(legs[0][1], legs[1][1]),
        leg_length=leg_length(skeleton),
    )


_ROLES = {"hips": "hip", "heels": "heel", "toes": "toe", "hands": "hand"}
_LIMBS = ("left_arm", "right_arm", "left_leg", "right_leg")
