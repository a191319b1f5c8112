"""The skeletons of Kimodo [Rempe2026]: SOMA in 30 and 77 joints, and the Unitree G1 robot in 34.

Joint names and order, parents and offsets (rounded to 1 µm) are Kimodo's, so that its files can be
read; roles, parts and mirror pairs are marey's.
"""

import json
from importlib import resources

from marey.skeleton.serialization import skeleton_from_json
from marey.skeleton.skeleton import Skeleton


def _read(name: str) -> Skeleton:
    file = resources.files("marey.skeleton.library") / f"{name}.json"
    return skeleton_from_json(json.loads(file.read_text(encoding="utf-8")))


SOMA30 = _read("soma30")
"""SOMA body, T-pose at identity rotations; of a hand only the tips of thumb and middle finger."""

SOMA77 = _read("soma77")
"""SOMA30 with fingers, toe tips and top of the head; at identity rotations equal to it."""

G1_34 = _read("g1_34")
"""Unitree G1: a joint per hinge and, without one, pelvis, toes and hands. It has no head.

At identity rotations the arms hang and the forearms point forward: no T-pose, and not the zero pose
of the robot's hinges either, some of which are tilted.
"""
