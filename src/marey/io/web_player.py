"""Moving figures in a page that needs no network: what its player draws, and the page itself."""

import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

import torch

from marey.motion import Motion
from marey.skeleton import Skeleton

_DATA = "FORM_DATA"
_PLAYER, _STYLE = "PLAYER_SCRIPT", "PLAYER_STYLE"
_HEAD_POINTS = ((0.0, 0.18, 0.0), (0.0, 0.07, 0.13))
"""Crown and nose in the frame of the head joint, metres: without them no head turns visibly."""


def moving_figure(motion: Motion) -> dict[str, Any]:
    """Return frame rate and frames: the joints' positions, then `_HEAD_POINTS`, whole centimetres.

    Raises InvalidInputError for a skeleton that names no head.
    """
    head, points = motion.skeleton.role("head"), torch.tensor(_HEAD_POINTS)
    turned = torch.einsum("fij,pj->fpi", motion.global_rotations[:, head], points)
    ends = motion.joint_positions[:, [head]] + turned
    positions = torch.cat([motion.joint_positions, ends], dim=1)
    return {"fps": motion.fps, "frames": (100 * positions).round().int().flatten(1).tolist()}


def figure_bones(skeleton: Skeleton) -> list[tuple[int, int, str]]:
    """Return ends and side (left, right or centre) of every bone, and of the lines of the head."""
    head, crown, nose = skeleton.role("head"), skeleton.num_joints, skeleton.num_joints + 1
    names = [name.lower() for name in skeleton.joint_names]
    bones = [
        (parent, joint, next((s for s in ("left", "right") if name.startswith(s)), "centre"))
        for joint, (name, parent) in enumerate(zip(names, skeleton.parents, strict=True))
        if parent >= 0
    ]
    return [*bones, (head, crown, "centre"), (head, nose, "centre"), (crown, nose, "centre")]


def filled_page(template: str, data: Mapping[str, Any]) -> str:
    """Return a page with the player at PLAYER_SCRIPT and PLAYER_STYLE, and data at FORM_DATA."""
    script, style = (
        resources.files("marey.io").joinpath(f"web_player.{kind}").read_text("utf-8")
        for kind in ("js", "css")
    )
    # "<" could end the script element that holds the data.
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return template.replace(_PLAYER, script).replace(_STYLE, style).replace(_DATA, text)
