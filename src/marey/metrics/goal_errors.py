"""How far a motion is from its goals, whatever they pin."""

from jaxtyping import Float
from torch import Tensor

from marey.constraints import Goal, target_distance
from marey.motion import Motion


def goal_errors(motion: Motion, goal: Goal) -> Float[Tensor, " pins"]:
    """Return a goal's error in each of its frames: metres, radians, or 0 and 1 for contacts.

    A root path is measured on the smoothed path of the root joint (``motion.smooth_path``), a
    contact on the motion's own labels; a motion without labels meets none. Raises
    InvalidInputError for frames that the motion does not have.
    """
    return target_distance(goal.kind, achieved(motion, goal), goal.target)


def achieved(motion: Motion, goal: Goal) -> Float[Tensor, "pins *value"]:
    """Return what a motion has where a goal pins something, in the goal's own terms."""
    frames = goal.frames
    match goal.kind:
        case "joint_position":
            return motion.joint_positions[frames, goal.joint]
        case "joint_rotation":
            return motion.global_rotations[frames, goal.joint]
        case "root_path":
            return motion.root_path[frames]
        case "root_height":
            return motion.root_positions[frames, 1]
        case "heading":
            return motion.heading[frames]
        case "contact":
            if motion.contacts is None:
                return 1 - goal.target
            return motion.contacts[frames, goal.joint].to(goal.target)
