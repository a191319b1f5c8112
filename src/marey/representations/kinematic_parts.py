"""KinMo's kinematic representation: six parts and their fifteen pairs [Zhang2025, §3.1, eq. 1–3].

A part has a position and a velocity, the means over its joints, and the rotations of its joints;
a pair has a relative position, and one whose parts are connected the angle and the angular
velocity of the connecting joint besides. The source calls the latter "relative velocity" in its
text but writes ``V_h − V_g`` in equation 3: both are given. It names no frame of reference; here
all is seen from where the body faces. Deviation: heading, way and height of the root and the foot
contacts are kept too, without which the motion could not be told from the features.
"""

from functools import cached_property

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from marey import rotations
from marey import skeleton as kinematics
from marey.constraints import WorldFacts
from marey.errors import InvalidInputError
from marey.motion import Motion
from marey.motion.contacts import KIMODO_LIMITS, ContactLimits
from marey.representations.heading_local import HeadingLocal, integrate_steps, require_placed
from marey.representations.layout import Block, FeatureLayout
from marey.representations.representation import (
    Observation,
    PlacelessRepresentation,
    check_facts,
    check_features,
    check_motion,
)
from marey.representations.smooth_root import RootSmoothing, forward_difference
from marey.skeleton import CONNECTED_PAIRS, PART_PAIRS, PARTS, SLOTS, Skeleton

ROOT_BLOCKS = ("heading_rate", "ground_velocity", "root_height")
"""Blocks that say where the body goes: those of ``HeadingLocal``."""
PART_BLOCKS = ("part_positions", "limb_angles", "part_velocities", "contacts")
"""Blocks of the single parts."""
CONNECTION_BLOCKS = ("connecting_angles", "angular_velocities", "relative_velocities")
"""Blocks of the connected pairs; every pair has ``relative_positions`` besides."""


class KinematicParts(PlacelessRepresentation):
    """Features of body parts and of how they lie and move to each other.

    Vectors are seen from the heading of their frame (left, up, forward), positions from the
    ground below the smoothed root; metres, m/s, rad/s. A skeleton that lacks a part, as a robot
    may lack a head, has no channels of it or its pairs.
    Raises InvalidInputError if the skeleton's joints belong to no parts, or its root not to the
    torso.
    """

    def __init__(
        self,
        *,
        skeleton: Skeleton,
        fps: float,
        smoothing: RootSmoothing = "exact",
        contact_limits: ContactLimits = KIMODO_LIMITS,
    ) -> None:
        if skeleton.parts[:1] != ("torso",):
            got = skeleton.parts[0] if skeleton.parts else "no parts at all"
            raise InvalidInputError(
                f"Kinematic parts need a skeleton whose root belongs to the torso; the joints of "
                f"{skeleton.name!r} have {got}: give one part per joint in Skeleton.parts."
            )
        super().__init__(skeleton=skeleton, fps=fps)
        self.heading_view = HeadingLocal(
            skeleton=skeleton, fps=fps, smoothing=smoothing, contact_limits=contact_limits
        )
        self.parts = tuple(part for part in PARTS if part in skeleton.parts)
        """The parts that the skeleton has."""
        self.pairs = tuple(pair for pair in PART_PAIRS if set(pair) <= set(self.parts))
        """Their pairs."""
        self.connected = tuple(pair for pair in CONNECTED_PAIRS if pair in self.pairs)
        """Pairs of the torso with the parts that hang on it."""

    @property
    def name(self) -> str:
        return self.heading_view.name.replace("heading_local", "kinematic_parts")

    @cached_property
    def layout(self) -> FeatureLayout:
        """Blocks of the root, the parts, the pairs and the feet.

        What belongs to a part is listed under the joint with which it begins, what belongs to a
        connected pair under its connecting joint; relative positions belong to the whole body.
        """
        begins = tuple(self.skeleton.part_root(part) for part in self.parts)
        joints = tuple(range(self.skeleton.num_joints))
        inherited = self.heading_view.layout.block
        return FeatureLayout(
            blocks=(
                *(inherited(name) for name in ROOT_BLOCKS),
                Block(name="part_positions", width=3, joints=begins),
                Block(name="limb_angles", width=6, joints=joints),
                Block(name="part_velocities", width=3, joints=begins),
                Block(name="relative_positions", width=3 * len(self.pairs)),
                Block(name="connecting_angles", width=6, joints=self._connecting),
                Block(name="angular_velocities", width=3, joints=self._connecting),
                Block(name="relative_velocities", width=3, joints=self._connecting),
                inherited("contacts"),
            )
        )

    def slot_channels(self, slot: str) -> list[int]:
        """Return the channels of a text slot: ``"global"``, a part, or a pair such as
        ``"torso+left_arm"``, ascending.

        The slots share out every channel once. Empty for parts that the skeleton lacks.
        Raises InvalidInputError for an unknown slot; a pair has one order only, since its
        relative position has a sign.
        """
        if slot not in SLOTS:
            raise InvalidInputError(f"Unknown slot {slot!r}; the slots are {', '.join(SLOTS)}.")
        layout = self.layout
        if slot == "global":
            return [c for name in ROOT_BLOCKS for c in layout.channels(name)]
        own = set(layout.joint_channels(self.skeleton.part_indices(slot.split("+")[-1])))
        if slot in PARTS:
            return sorted(c for name in PART_BLOCKS for c in own & set(layout.channels(name)))
        pair = tuple(slot.split("+"))
        if pair not in self.pairs:
            return []
        at = layout.channels("relative_positions")[3 * self.pairs.index(pair) :][:3]
        if pair in self.connected:
            at += [c for name in CONNECTION_BLOCKS for c in own & set(layout.channels(name))]
        return sorted(at)

    def relative_position(
        self, features: Float[Tensor, "*batch feats"], one: str, other: str
    ) -> Float[Tensor, "*batch 3"]:
        """Return where part ``other`` is as seen from part ``one``, in either order of parts.

        Raises InvalidInputError unless they are two different parts that the skeleton has.
        """
        check_features(self, features)
        for pair, sign in (((one, other), 1), ((other, one), -1)):
            if pair in self.pairs:
                return sign * features[..., self.slot_channels("+".join(pair))[:3]]
        raise InvalidInputError(
            f"Expected two different parts of {', '.join(self.parts)}, got {one!r} and {other!r}."
        )

    def encode(self, motion: Motion) -> Float[Tensor, "frames feats"]:
        """Return the parts and pairs of a motion; velocities lead to the next frame."""
        check_motion(self, motion)
        return self.from_heading_local(self.heading_view.encode(motion))

    def decode(
        self,
        features: Float[Tensor, "frames feats"],
        *,
        pinned: Bool[Tensor, " frames"] | None = None,
    ) -> Motion:
        """Return the motion whose (smoothed) root starts above the origin at heading 0.

        Heading and way of the root, limb angles, and position and velocity of the torso are
        read, the last two as ``SmoothRoot.decode`` reads those of the pelvis; the rest follows
        from them.
        """
        return self.heading_view.decode(self.to_heading_local(features), pinned=pinned)

    def from_heading_local(
        self, features: Float[Tensor, "*batch frames viewfeats"]
    ) -> Float[Tensor, "*batch frames feats"]:
        """Return the parts and pairs of ``HeadingLocal`` features. Computed in float64.

        Raises InvalidInputError for another number of channels than those of ``heading_view``.
        """
        check_features(self.heading_view, features)
        view, exact = self.heading_view.layout, features.double()
        turned = self._turned(exact[..., view.slice("rotations")])
        place = self._part_means(exact[..., view.slice("joint_positions")])
        velocity = self._part_means(exact[..., view.slice("velocities")])
        angles = self._connecting_rotations(turned)
        blocks = (
            exact[..., view.span("heading_rate", "root_height")],
            place.flatten(-2),
            exact[..., view.slice("rotations")],
            velocity.flatten(-2),
            self._differences(place, self.pairs).flatten(-2),
            rotations.matrix_to_rotation_6d(angles).flatten(-2),
            angular_velocity(angles, self.fps).flatten(-2),
            self._differences(velocity, self.connected).flatten(-2),
            exact[..., view.slice("contacts")],
        )
        return torch.cat(blocks, dim=-1).to(features)

    def to_heading_local(
        self, features: Float[Tensor, "*batch frames feats"]
    ) -> Float[Tensor, "*batch frames viewfeats"]:
        """Return the ``HeadingLocal`` features of the motion. Computed in float64.

        Limb angles and the skeleton say where and how fast joints are to the torso, position and
        velocity of the torso where and how fast that is; the other parts and pairs are not read.
        Raises InvalidInputError for another number of channels than the layout's.
        """
        check_features(self, features)
        layout, exact = self.layout, features.double()
        turned = self._turned(exact[..., layout.slice("limb_angles")])
        joints = kinematics.joint_positions(
            torch.zeros_like(turned[..., 0, :, 0]), turned, self.skeleton
        )
        joints = joints - joints[..., self.skeleton.part_indices("torso"), :].mean(-2, keepdim=True)
        begin = [self.skeleton.part_root("torso")]
        place = exact[..., None, layout.channels("part_positions", begin)]
        velocity = exact[..., None, layout.channels("part_velocities", begin)]
        angle = integrate_steps(exact[..., layout.slice("heading_rate")] / self.fps)[..., 0]
        turn = rotations.yaw_matrix(angle)
        in_world = joints @ turn.transpose(-1, -2)
        to_torso = forward_difference(in_world, self.fps, dim=-3) @ turn
        blocks = (
            exact[..., layout.span("heading_rate", "root_height")],
            (place + joints).flatten(-2),
            rotations.matrix_to_rotation_6d(turned).flatten(-2),
            (velocity + to_torso).flatten(-2),
            exact[..., layout.slice("contacts")],
        )
        return torch.cat(blocks, dim=-1).to(features)

    def observe(
        self, facts: WorldFacts, *, path: Float[Tensor, "frames 2"] | None = None
    ) -> Observation:
        """Known channels of a motion that will be placed at its start by the caller.

        As ``HeadingLocal.observe``; the position of a part is known where all its joints' are,
        that of a pair where both parts' are, and a connecting angle where the rotations on both
        sides of the joint are. A single pinned hand is therefore refused: no channel holds it.
        Raises InvalidInputError that names the first frame with a fact that has no channel.
        """
        check_facts(self, facts)
        require_placed(self, facts, instead=self.heading_view.world_view.name)
        self._require_entire_parts(facts)
        seen = self.heading_view.observe(facts)
        view, layout = self.heading_view.layout, self.layout
        known = facts.joint_position_mask
        parts = {p: known[:, self.skeleton.part_indices(p)].all(1) for p in self.parts}
        pairs = torch.stack([parts[one] & parts[other] for one, other in self.pairs], dim=1)
        turned = facts.global_rotation_mask
        mask = torch.zeros(facts.num_frames, layout.size, dtype=torch.bool)
        for name in (*ROOT_BLOCKS, "contacts"):
            mask[:, layout.slice(name)] = seen.mask[:, view.slice(name)]
        mask[:, layout.slice("part_positions")] = torch.stack(
            list(parts.values()), dim=1
        ).repeat_interleave(3, dim=1)
        mask[:, layout.slice("relative_positions")] = pairs.repeat_interleave(3, dim=1)
        mask[:, layout.slice("limb_angles")] = turned.repeat_interleave(6, dim=1)
        mask[:, layout.slice("connecting_angles")] = (
            turned[:, self._carrying] & turned[:, self._connecting]
        ).repeat_interleave(6, dim=1)
        # What is unknown stands as the rest pose: zeros are no rotations.
        upright = torch.eye(3).expand(facts.global_rotations.shape)
        rest = rotations.matrix_to_rotation_6d(upright).flatten(1)
        values, at = seen.values.clone(), view.slice("rotations")
        values[:, at] = values[:, at].where(seen.mask[:, at], rest)
        return Observation(values=self.from_heading_local(values).where(mask, 0), mask=mask)

    def _require_entire_parts(self, facts: WorldFacts) -> None:
        for part in self.parts:
            known = facts.joint_position_mask[:, self.skeleton.part_indices(part)]
            torn = known.any(1) & ~known.all(1)
            if bool(torn.any()):
                raise InvalidInputError(
                    f"Frame {int(torn.nonzero()[0, 0])} has positions of some joints of the "
                    f"{part} only: {self.name} holds the mean over a part. Give all of its "
                    f"joints, or use {self.heading_view.name}."
                )

    @cached_property
    def _connecting(self) -> tuple[int, ...]:
        """The connecting joint of each connected pair: with it the other part begins."""
        return tuple(self.skeleton.part_root(part) for _, part in self.connected)

    @cached_property
    def _carrying(self) -> tuple[int, ...]:
        """The torso's last joint before each connecting joint, most often its parent."""
        carrying = []
        for joint in self._connecting:
            while self.skeleton.parts[joint] != "torso":
                joint = self.skeleton.parents[joint]
            carrying.append(joint)
        return tuple(carrying)

    def _turned(self, columns: Tensor) -> Tensor:
        return rotations.rotation_6d_to_matrix(columns.unflatten(-1, (-1, 6)))

    def _part_means(self, vectors: Tensor) -> Tensor:
        """Mean over the joints of each part, from vectors of all joints end to end."""
        joints = vectors.unflatten(-1, (-1, 3))
        means = [joints[..., self.skeleton.part_indices(p), :].mean(-2) for p in self.parts]
        return torch.stack(means, dim=-2)

    def _differences(self, values: Tensor, pairs: tuple[tuple[str, str], ...]) -> Tensor:
        """Second minus first of each pair, from the vectors of the parts."""
        first = [self.parts.index(one) for one, _ in pairs]
        second = [self.parts.index(other) for _, other in pairs]
        return values[..., second, :] - values[..., first, :]

    def _connecting_rotations(self, turned: Tensor) -> Tensor:
        """Rotation of each connecting joint in the frame of the torso joint that carries it."""
        carrying = turned[..., list(self._carrying), :, :]
        return rotations.relative_rotation(carrying, turned[..., list(self._connecting), :, :])


def angular_velocity(
    turned: Float[Tensor, "*batch frames joints 3 3"], fps: float
) -> Float[Tensor, "*batch frames joints 3"]:
    """Return ``log(R_{t+1} R_tᵀ) · fps``, rad/s, the last repeated; zero for a single frame.

    Its axes are those of the frame in which the rotations are given.
    """
    if turned.shape[-4] == 1:
        return torch.zeros_like(turned[..., 0])
    steps = turned[..., 1:, :, :, :] @ turned[..., :-1, :, :, :].transpose(-1, -2)
    spin = rotations.matrix_to_rotation_vector(steps) * fps
    return torch.cat((spin, spin[..., -1:, :, :]), dim=-3)
