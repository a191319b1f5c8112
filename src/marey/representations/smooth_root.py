"""Kimodo's features: a smoothed global root, global positions, rotations and velocities.

[Rempe2026, §4.1], channel order as in the released code: root position, heading, joint
positions, rotations, velocities, contacts; 12 J + 9 channels. Deviation: the smoothed root is the
exact minimiser of the stated problem (the original's solver ends half a frame off).
"""

from functools import cached_property
from typing import Literal, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from marey import rotations
from marey import skeleton as kinematics
from marey.constraints import WorldFacts
from marey.errors import InvalidInputError
from marey.motion import Motion
from marey.motion.contacts import KIMODO_LIMITS, ContactLimits, foot_contacts
from marey.motion.path_smoothing import DEFAULT_MARGIN, smooth_path
from marey.representations.layout import Block, FeatureLayout
from marey.representations.legacy_smoothing import smooth_path_legacy
from marey.representations.representation import (
    Observation,
    Representation,
    check_facts,
    check_features,
    check_motion,
)
from marey.representations.root_reach import pulled_within_reach, reaches
from marey.representations.velocity_fusion import fuse_velocities
from marey.skeleton import Skeleton

GROUND = [0, 2]
"""The horizontal axes x and z."""

RootSmoothing = Literal["exact", "legacy", "none"]
"""How the root's ground path comes from the pelvis's: the exact minimiser, the original's solver
with its half-frame shift (for checkpoints trained on it), or the pelvis itself."""

_NAMES = {"exact": "smooth_root", "legacy": "legacy_root", "none": "raw_root"}


class SmoothRoot(Representation):
    """Features that are global save for the smoothed root's ground position."""

    def __init__(
        self,
        *,
        skeleton: Skeleton,
        fps: float,
        smoothing: RootSmoothing = "exact",
        contact_limits: ContactLimits = KIMODO_LIMITS,
    ) -> None:
        if smoothing not in get_args(RootSmoothing):
            raise InvalidInputError(
                f"smoothing must be one of {', '.join(get_args(RootSmoothing))}, got {smoothing!r}."
            )
        super().__init__(skeleton=skeleton, fps=fps)
        self.smoothing: RootSmoothing = smoothing
        self.contact_limits = contact_limits

    @property
    def name(self) -> str:
        return _NAMES[self.smoothing]

    @cached_property
    def layout(self) -> FeatureLayout:
        root = (Block(name="root_position", width=3), Block(name="heading", width=2))
        return FeatureLayout(blocks=root + body_blocks(self.skeleton))

    def encode(self, motion: Motion) -> Float[Tensor, "frames feats"]:
        """Positions in metres, velocities in m/s, heading as (cos, sin), rotations 6-D.

        Joint positions are relative to the smoothed root in x and z only. Velocities are forward
        differences of world positions, the last repeated.
        """
        check_motion(self, motion)
        positions = motion.joint_positions
        root = motion.root_positions.clone()
        if self.smoothing != "none":
            smooth = smooth_path if self.smoothing == "exact" else smooth_path_legacy
            root[:, GROUND] = smooth(root[:, GROUND])
        return self._assemble(positions, motion.global_rotations, root, motion.contacts)

    def _assemble(
        self, positions: Tensor, turned: Tensor, root: Tensor, contacts: Tensor | None
    ) -> Tensor:
        heading = kinematics.heading_angle(positions, self.skeleton)
        if contacts is None:
            contacts = foot_contacts(positions, self.skeleton, self.fps, limits=self.contact_limits)
        relative = positions - root[:, None] * root.new_tensor([1.0, 0.0, 1.0])
        parts = (
            root,
            torch.stack((heading.cos(), heading.sin()), dim=-1),
            relative.flatten(1),
            rotations.matrix_to_rotation_6d(turned).flatten(1),
            forward_difference(positions, self.fps).flatten(1),
            contacts.to(positions),
        )
        return torch.cat(parts, dim=-1)

    def decode(
        self,
        features: Float[Tensor, "frames feats"],
        *,
        pinned: Bool[Tensor, " frames"] | None = None,
    ) -> Motion:
        """Read the pelvis's positions and velocities and all rotations.

        Positions and velocities of the pelvis tell its path twice; where they disagree, as a
        network's do, the path that fits both best is taken (see ``velocity_fusion``), through the
        positions of ``pinned`` frames. The position channels of other joints are not used.
        """
        check_features(self, features)
        root, turned = self.root_and_rotations(features)
        velocities = features[:, self.layout.channels("velocities", [0])]
        return Motion(
            root_positions=fuse_velocities(root, velocities, self.fps, pinned=pinned),
            local_rotations=kinematics.local_rotations(turned, self.skeleton),
            fps=self.fps,
            skeleton=self.skeleton,
            contacts=features[:, self.layout.slice("contacts")] > 0.5,
        )

    def root_and_rotations(
        self, features: Float[Tensor, "*batch feats"]
    ) -> tuple[Float[Tensor, "*batch 3"], Float[Tensor, "*batch joints 3 3"]]:
        """Return world positions of the pelvis and global rotations of all joints."""
        layout = self.layout
        smooth = features[..., layout.slice("root_position")]
        pelvis = features[..., layout.channels("joint_positions", [0])]
        root = pelvis + smooth * smooth.new_tensor([1.0, 0.0, 1.0])
        columns = features[..., layout.slice("rotations")].unflatten(-1, (-1, 6))
        return root, rotations.rotation_6d_to_matrix(columns)

    def positions(
        self, features: Float[Tensor, "*batch feats"]
    ) -> Float[Tensor, "*batch joints 3"]:
        """Return world joint positions as the position channels state them (no kinematics)."""
        smooth = features[..., self.layout.slice("root_position")]
        relative = features[..., self.layout.slice("joint_positions")].unflatten(-1, (-1, 3))
        return relative + (smooth * smooth.new_tensor([1.0, 0.0, 1.0]))[..., None, :]

    def heading(self, features: Float[Tensor, "*batch feats"]) -> Float[Tensor, "*batch"]:
        """Return the heading that features state, radians in (-π, π]."""
        cos, sin = features[..., self.layout.slice("heading")].unbind(-1)
        return torch.atan2(sin, cos)

    def canonicalise(
        self, features: Float[Tensor, "*batch frames feats"]
    ) -> Float[Tensor, "*batch frames feats"]:
        """Move the smoothed root of the first frame above the origin; the heading stays."""
        return self.translate(features, -features[..., :1, self.layout.slice("root_position")])

    def translate(
        self, features: Float[Tensor, "*batch feats"], offset: Float[Tensor, "*#batch 3"]
    ) -> Float[Tensor, "*batch feats"]:
        """Move features over the ground by the x and z of ``offset``."""
        moved = features.clone()
        moved[..., self.layout.slice("root_position")] += offset * offset.new_tensor(
            [1.0, 0.0, 1.0]
        )
        return moved

    def rotate(
        self, features: Float[Tensor, "*batch feats"], angle: Float[Tensor, "*#batch"]
    ) -> Float[Tensor, "*batch feats"]:
        """Turn features about the vertical through the origin by ``angle`` radians."""
        cos, sin = angle.cos()[..., None], angle.sin()[..., None]
        turned = features.clone()
        x, z = self._ground_channels
        turned[..., x] = cos * features[..., x] + sin * features[..., z]
        turned[..., z] = cos * features[..., z] - sin * features[..., x]
        c, s = self.layout.channels("heading")
        turned[..., [c]] = cos * features[..., [c]] - sin * features[..., [s]]
        turned[..., [s]] = cos * features[..., [s]] + sin * features[..., [c]]
        return turned

    @cached_property
    def _ground_channels(self) -> tuple[list[int], list[int]]:
        """Channels of all x components and of the z components that belong to them."""
        vectors = ("root_position", "joint_positions", "rotations", "velocities")
        starts = [c for name in vectors for c in self.layout.channels(name)[::3]]
        return starts, [c + 2 for c in starts]

    def root_path(self, features: Float[Tensor, "*batch feats"]) -> Float[Tensor, "*batch 2"]:
        """Return the (smoothed) root's place over the ground, x and z."""
        return features[..., self.layout.slice("root_position")][..., GROUND]

    def unplaced(self, facts: WorldFacts) -> Bool[Tensor, " frames"]:
        """Return the frames that have a joint position but no root path."""
        return facts.joint_position_mask.any(1) & ~facts.root_path_mask

    def observe(
        self, facts: WorldFacts, *, path: Float[Tensor, "frames 2"] | None = None
    ) -> Observation:
        """Known channels; joint positions are relative to the root path, known or estimated.

        ``path`` is the estimate for frames where it is not known. There the root is not observed,
        save where a joint is out of its reach: then it is pulled within reach (see
        ``root_reach``) and observed at that place. Raises InvalidInputError that names the first
        frame with a joint position if there is neither root path nor estimate, and for an
        estimate that is not finite or of another length.
        """
        check_facts(self, facts)
        ground, ground_known = self._ground(facts, path)
        path = torch.nn.functional.pad(ground, (0, 1))[:, [0, 2, 1]]
        path_known = ground_known[:, None]
        columns = rotations.matrix_to_rotation_6d(facts.global_rotations)
        known_in_block = {  # values and mask, which broadcast to (frames, joints, width)
            "root_position": (
                torch.stack((path[:, 0], facts.root_height, path[:, 2]), dim=-1),
                torch.cat((path_known, facts.root_height_mask[:, None], path_known), dim=1),
            ),
            "heading": (
                torch.stack((facts.heading.cos(), facts.heading.sin()), dim=-1),
                facts.heading_mask[:, None],
            ),
            "joint_positions": (
                facts.joint_positions - path[:, None],
                facts.joint_position_mask[..., None],
            ),
            "rotations": (columns, facts.global_rotation_mask[..., None]),
            "contacts": (facts.contacts.to(path), facts.contact_mask),
        }
        values = path.new_zeros(facts.num_frames, self.layout.size)
        mask = torch.zeros_like(values, dtype=torch.bool)
        for name, (value, known) in known_in_block.items():
            mask[:, self.layout.slice(name)] = known.expand_as(value).flatten(1)
            values[:, self.layout.slice(name)] = value.flatten(1)
        return Observation(values=values.where(mask, 0), mask=mask)

    def _ground(
        self, facts: WorldFacts, path: Tensor | None
    ) -> tuple[Float[Tensor, "frames 2"], Bool[Tensor, " frames"]]:
        """The root path that positions are relative to, and where it is observed."""
        unplaced = self.unplaced(facts)
        if not bool(unplaced.any()):
            return facts.root_path, facts.root_path_mask
        if path is None:
            raise InvalidInputError(
                f"Frame {int(unplaced.nonzero()[0, 0])} has a joint position but no root path: "
                f"{self.name} expresses positions relative to the root; give root_path there."
            )
        if path.shape != facts.root_path.shape or not bool(path.isfinite().all()):
            raise InvalidInputError(
                f"The estimated path must be finite and of shape {tuple(facts.root_path.shape)}, "
                f"got shape {tuple(path.shape)}."
            )
        estimate = facts.root_path.where(facts.root_path_mask[:, None], path.to(facts.root_path))
        pulled = pulled_within_reach(
            estimate,
            facts.joint_positions[..., GROUND],
            facts.joint_position_mask & unplaced[:, None],
            self._reach,
        )
        return pulled, facts.root_path_mask | (pulled != estimate).any(1)

    @cached_property
    def _reach(self) -> Float[Tensor, " joints"]:
        return reaches(self.skeleton, margin=0.0 if self.smoothing == "none" else DEFAULT_MARGIN)


def body_blocks(skeleton: Skeleton) -> tuple[Block, ...]:
    """Blocks that every view of these features shares, with joints or feet as owners."""
    joints = tuple(range(skeleton.num_joints))
    return (
        Block(name="joint_positions", width=3, joints=joints),
        Block(name="rotations", width=6, joints=joints),
        Block(name="velocities", width=3, joints=joints),
        Block(name="contacts", width=1, joints=tuple(skeleton.foot_indices)),
    )


def forward_difference(
    values: Float[Tensor, "*shape"], fps: float, *, dim: int = 0
) -> Float[Tensor, "*shape"]:
    """Change per second to the next frame, the last repeated; zero for a single frame.

    ``dim`` is the axis of the frames.
    """
    if values.shape[dim] == 1:
        return torch.zeros_like(values)
    steps = values.diff(dim=dim) * fps
    return torch.cat((steps, steps.narrow(dim, steps.shape[dim] - 1, 1)), dim=dim)
