"""The heading-local view of the smoothed-root features: the same body seen from where it faces.

What a body does then has the same features wherever it stands and faces: what token and part
models learn from. The view keeps every channel of the body and replaces the root's place and
heading by their rates of change, as [Guo2022] does; 12 J + 8 channels. Deviations from the
latter: the smoothed root, global rotations, and rates that integrate back exactly.
"""

from functools import cached_property

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from marey import rotations
from marey.constraints import WorldFacts
from marey.errors import InvalidInputError
from marey.motion import Motion
from marey.motion.contacts import KIMODO_LIMITS, ContactLimits
from marey.representations.layout import Block, FeatureLayout
from marey.representations.representation import (
    Observation,
    PlacelessRepresentation,
    Representation,
    check_facts,
    check_features,
    check_motion,
)
from marey.representations.smooth_root import (
    GROUND,
    RootSmoothing,
    SmoothRoot,
    body_blocks,
    forward_difference,
)
from marey.skeleton import Skeleton


class HeadingLocal(PlacelessRepresentation):
    """Features that do not change when the whole motion is moved or turned on the ground.

    Per frame: heading rate in rad/s; velocity of the (smoothed) root over the ground in m/s, to
    the left and forward as the body faces; root height; then positions, global rotations and
    velocities of the joints and the contacts as in ``SmoothRoot``, turned into the heading.
    """

    def __init__(
        self,
        *,
        skeleton: Skeleton,
        fps: float,
        smoothing: RootSmoothing = "exact",
        contact_limits: ContactLimits = KIMODO_LIMITS,
    ) -> None:
        super().__init__(skeleton=skeleton, fps=fps)
        self.world_view = SmoothRoot(
            skeleton=skeleton, fps=fps, smoothing=smoothing, contact_limits=contact_limits
        )

    @property
    def name(self) -> str:
        return {"exact": "", "legacy": "legacy_", "none": "raw_"}[
            self.world_view.smoothing
        ] + "heading_local"

    @cached_property
    def layout(self) -> FeatureLayout:
        root = (
            Block(name="heading_rate", width=1),
            Block(name="ground_velocity", width=2),
            Block(name="root_height", width=1),
        )
        return FeatureLayout(blocks=root + body_blocks(self.skeleton))

    def encode(self, motion: Motion) -> Float[Tensor, "frames feats"]:
        """Return the heading-local view of the motion's smoothed-root features."""
        check_motion(self, motion)
        return self.from_smooth_root(self.world_view.encode(motion))

    def decode(
        self,
        features: Float[Tensor, "frames feats"],
        *,
        pinned: Bool[Tensor, " frames"] | None = None,
    ) -> Motion:
        """Return the motion whose (smoothed) root starts above the origin at heading 0."""
        return self.world_view.decode(self.to_smooth_root(features), pinned=pinned)

    def from_smooth_root(
        self, features: Float[Tensor, "*batch frames worldfeats"]
    ) -> Float[Tensor, "*batch frames feats"]:
        """Return this view of ``SmoothRoot`` features; place and heading at the start are lost.

        Rate and velocity of a frame lead exactly to the next frame; in the last frame the rate
        and the world velocity of the frame before are repeated. Computed in float64.
        Raises InvalidInputError for another number of channels than those of ``world_view``.
        """
        check_features(self.world_view, features)
        layout, exact = self.world_view.layout, features.double()
        root = exact[..., layout.slice("root_position")]
        angle = self.world_view.heading(exact)
        turned = self.world_view.rotate(exact, -angle)
        rate = forward_difference(rotations.unwrap_angle(angle), self.fps, dim=-1)
        velocity = _turn(forward_difference(root, self.fps, dim=-2), -angle)
        parts = (
            rate[..., None],
            velocity[..., GROUND],
            root[..., 1:2],
            turned[..., layout.span("joint_positions", "contacts")],
        )
        return torch.cat(parts, dim=-1).to(features)

    def to_smooth_root(
        self,
        features: Float[Tensor, "*batch frames feats"],
        *,
        start: Float[Tensor, "*#batch 2"] | None = None,
        heading: Float[Tensor, "*#batch"] | None = None,
    ) -> Float[Tensor, "*batch frames worldfeats"]:
        """Return the ``SmoothRoot`` features of the motion that starts at a place and heading.

        ``start`` is x and z of the (smoothed) root in frame 0, metres, by default the origin;
        ``heading`` its heading there, radians, by default 0. Rates and velocities of the last
        frame lead beyond the clip and are not used. Integrated in float64.
        Raises InvalidInputError for another number of channels than the layout's.
        """
        check_features(self, features)
        layout, exact = self.layout, features.double()
        rate = exact[..., layout.slice("heading_rate")]
        angle = integrate_steps(rate / self.fps)[..., 0]
        if heading is not None:
            angle = angle + heading.to(exact)[..., None]
        left, forward = exact[..., layout.slice("ground_velocity")].unbind(-1)
        still = torch.zeros_like(left)
        velocity = torch.stack((left, still, forward), dim=-1)
        path = integrate_steps(_turn(velocity / self.fps, angle))
        if start is not None:
            path = path + torch.nn.functional.pad(start.to(exact), (0, 1))[..., None, [0, 2, 1]]
        height = exact[..., layout.slice("root_height")][..., 0]
        facing_ahead = (
            torch.stack((still, height, still, torch.ones_like(still), still), dim=-1),
            exact[..., layout.span("joint_positions", "contacts")],
        )
        turned = self.world_view.rotate(torch.cat(facing_ahead, dim=-1), angle)
        return self.world_view.translate(turned, path).to(features)

    def observe(
        self, facts: WorldFacts, *, path: Float[Tensor, "frames 2"] | None = None
    ) -> Observation:
        """Known channels of a motion that will be placed at its start by the caller.

        Heights and contacts are free to be known anywhere. A place or heading in the world is
        only expressed as the way there from frame 0, so headings must be known from frame 0
        without a gap, the root path as well, and only where the heading is; rotations need the
        heading and joint positions the root path in the same frame. The facts are then met by
        ``to_smooth_root(…, start=facts.root_path[0], heading=facts.heading[0])``. An estimated
        ``path`` is not used: it would say nothing about the headings.
        Raises InvalidInputError that names the first frame in which this is not so.
        """
        check_facts(self, facts)
        require_placed(self, facts, instead=self.world_view.name)
        world = self.world_view.observe(facts)
        values = self.from_smooth_root(world.values)
        mask = torch.zeros_like(values, dtype=torch.bool)
        step_known = _next_known(facts.root_path_mask)[:, None]
        mask[:, self.layout.slice("heading_rate")] = _next_known(facts.heading_mask)[:, None]
        mask[:, self.layout.slice("ground_velocity")] = step_known.expand(-1, 2)
        mask[:, self.layout.slice("root_height")] = facts.root_height_mask[:, None]
        body = self.world_view.layout.span("joint_positions", "contacts")
        mask[:, self.layout.span("joint_positions", "contacts")] = world.mask[:, body]
        return Observation(values=values.where(mask, 0), mask=mask)


def require_placed(representation: Representation, facts: WorldFacts, *, instead: str) -> None:
    """Raise InvalidInputError for a place in the world that steps from frame 0 do not lead to.

    ``instead`` is the name of a representation that can express it.
    """
    heading, path = facts.heading_mask, facts.root_path_mask
    placed = (
        ("a heading", heading, _known_so_far(heading), "a heading in every frame before"),
        ("a root path", path, _known_so_far(path), "a root path in every frame before"),
        ("a root path", path, heading, "a heading in the same frame"),
        ("a rotation", facts.global_rotation_mask.any(1), heading, "a heading there"),
        ("a joint position", facts.joint_position_mask.any(1), path, "a root path there"),
    )
    for fact, known, needed, what in placed:
        lost = known & ~needed
        if bool(lost.any()):
            raise InvalidInputError(
                f"Frame {int(lost.nonzero()[0, 0])} has {fact} without {what}: "
                f"{representation.name} describes motion from frame to frame as seen from the "
                f"body, and cannot express where in the world that is. Give {what}, or use "
                f"{instead}."
            )


def _turn(
    vectors: Float[Tensor, "*batch 3"], angle: Float[Tensor, "*batch"]
) -> Float[Tensor, "*batch 3"]:
    """Turn vectors about the vertical."""
    return (rotations.yaw_matrix(angle) @ vectors[..., None])[..., 0]


def integrate_steps(
    steps: Float[Tensor, "*batch frames feats"],
) -> Float[Tensor, "*batch frames feats"]:
    """Return the sum of the steps before each frame; zero in frame 0."""
    return torch.nn.functional.pad(steps[..., :-1, :].cumsum(-2), (0, 0, 1, 0))


def _known_so_far(known: Bool[Tensor, " frames"]) -> Bool[Tensor, " frames"]:
    """Whether a frame and all before it are known."""
    return known.long().cumprod(0).bool()


def _next_known(known: Bool[Tensor, " frames"]) -> Bool[Tensor, " frames"]:
    """Whether a frame and the next one are known; the last frame repeats the one before."""
    if len(known) == 1:
        return known
    both = known[:-1] & known[1:]
    return torch.cat((both, both[-1:]))
