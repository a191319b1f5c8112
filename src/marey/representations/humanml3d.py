"""HumanML3D's 263 features and KIT-ML's 251 as a representation [Guo2022].

The maths is in ``motion.chain_features``. Deviation: a clip of T frames has T rows of features, not
T − 1: steps and contacts of the last frame repeat those of the frame before, so that nothing is
lost; all rows but the last are those of the reference implementation.
"""

from functools import cached_property

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from marey.constraints import WorldFacts
from marey.errors import InvalidInputError
from marey.motion import Motion
from marey.motion.chain_body import HUMANML3D_BODY, ChainBody
from marey.motion.chain_features import (
    chain_features,
    placed_at_start,
    recovered_positions,
    standardised,
)
from marey.motion.posing import motion_of_positions
from marey.representations.layout import Block, FeatureLayout
from marey.representations.representation import (
    Observation,
    PlacelessRepresentation,
    check_facts,
    check_features,
    check_motion,
)
from marey.skeleton import Skeleton

_PER_FRAME = ("root_height", "joint_positions", "rotations")
"""Blocks that the last frame has of its own; the others speak of the step to the next frame."""


class HumanML3D(PlacelessRepresentation):
    """Features of joint positions, unmoved by where the clip starts and which way it faces there.

    Per frame: half the change of heading, radians (positive to the right); step of the pelvis over
    the ground, its height; positions, bone rotations and steps of the joints as seen from the
    heading; contacts; lengths in metres, steps per frame. The rotation block is not that of a
    skeleton: it has no twist, and decoding does not read it.

    The heading is smoothed over the whole clip, so that features of a part of a clip are not a part
    of the features. Rotations are not kept: ``decode(encode(motion))`` has the motion's joint
    positions, above the origin and facing +Z at the start, and estimated rotations.
    """

    def __init__(
        self, *, skeleton: Skeleton | None = None, body: ChainBody = HUMANML3D_BODY
    ) -> None:
        own = body.skeleton
        skeleton = own if skeleton is None else skeleton
        if (skeleton.joint_names, skeleton.parents) != (own.joint_names, own.parents):
            raise InvalidInputError(
                f"The layout {body.name!r} is about the joints of {own.name!r}, got skeleton "
                f"{skeleton.name!r}; retarget to {own.name!r}, or give it other rest offsets."
            )
        super().__init__(skeleton=skeleton, fps=body.fps)
        self.body = body

    @property
    def name(self) -> str:
        return self.body.name

    @cached_property
    def layout(self) -> FeatureLayout:
        joints = tuple(range(self.skeleton.num_joints))
        return FeatureLayout(
            blocks=(
                Block(name="root_yaw_velocity", width=1),
                Block(name="root_velocity", width=2),
                Block(name="root_height", width=1),
                Block(name="joint_positions", width=3, joints=joints[1:]),
                Block(name="rotations", width=6, joints=joints[1:]),
                Block(name="velocities", width=3, joints=joints),
                Block(name="contacts", width=1, joints=self.body.feet),
            )
        )

    def encode(self, motion: Motion) -> Float[Tensor, "frames feats"]:
        """Return the features of a motion's joint positions, proportions and height as they are.

        Contacts are found anew from the joints' steps, as the layout defines them.
        """
        check_motion(self, motion)
        return self._extended(placed_at_start(motion.joint_positions, self.body))

    def of_positions(
        self, positions: Float[Tensor, "frames joints 3"]
    ) -> Float[Tensor, "frames feats"]:
        """Return the features of any body's joint positions as the data set prepares them.

        Metres; the bones get the data set's lengths, the lowest joint of the clip the floor.
        Raises InvalidInputError for a bone without length.
        """
        return self._extended(standardised(positions, self.body))

    def _extended(self, positions: Float[Tensor, "frames joints 3"]) -> Tensor:
        """Features of every frame: one more frame, like the last, gives the last its own values.

        It leaves the smoothed heading as it is, since the filter continues the last frame anyway.
        """
        longer = torch.cat((positions, positions[-1:]))
        features = chain_features(longer, self.body)
        if len(positions) > 1:
            last = features[-1].clone()
            features[-1] = features[-2]
            for name in _PER_FRAME:
                features[-1, self.body.slices[name]] = last[self.body.slices[name]]
        return features.float()

    def decode(
        self,
        features: Float[Tensor, "frames feats"],
        *,
        pinned: Bool[Tensor, " frames"] | None = None,
    ) -> Motion:
        """Return the motion whose bones point as the position channels say.

        The path is the sum of the root's steps: features tell it once, so that ``pinned`` frames
        are like the others. Bones keep the skeleton's lengths, and hips, collars and neck their
        places on pelvis and chest: for another body's features make the representation with the
        skeleton of ``motion.posing``, where the estimate of twists is described too.
        """
        del pinned
        check_features(self, features)
        motion = motion_of_positions(
            recovered_positions(features, self.body), fps=self.fps, skeleton=self.skeleton
        )
        return Motion(
            root_positions=motion.root_positions,
            local_rotations=motion.local_rotations,
            fps=self.fps,
            skeleton=self.skeleton,
            contacts=features[:, self.layout.slice("contacts")] > 0.5,
        )

    def observe(
        self, facts: WorldFacts, *, path: Float[Tensor, "frames 2"] | None = None
    ) -> Observation:
        """Heights of the root and contacts; an estimated ``path`` is not used.

        Raises InvalidInputError for places, headings and rotations: they would be seen from a
        heading that is smoothed over a clip that is not known yet.
        """
        check_facts(self, facts)
        for what, mask in (
            ("a joint position", facts.joint_position_mask.any(1)),
            ("a rotation", facts.global_rotation_mask.any(1)),
            ("a root path", facts.root_path_mask),
            ("a heading", facts.heading_mask),
        ):
            if bool(mask.any()):
                raise InvalidInputError(
                    f"Frame {int(mask.nonzero()[0, 0])} has {what}: {self.name} describes bodies "
                    "as seen from a heading that is smoothed over the whole clip, and cannot "
                    "express it before the clip is known. Use smooth_root, which can."
                )
        values = torch.zeros(facts.num_frames, self.layout.size)
        mask = torch.zeros_like(values, dtype=torch.bool)
        height, contacts = self.layout.slice("root_height"), self.layout.slice("contacts")
        values[:, height], mask[:, height] = (
            facts.root_height[:, None],
            facts.root_height_mask[:, None],
        )
        values[:, contacts], mask[:, contacts] = facts.contacts.to(values), facts.contact_mask
        return Observation(values=values.where(mask, 0), mask=mask)
