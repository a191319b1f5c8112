"""Skeletons as plain JSON, for checkpoints, stores and motion files."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch

from marey.errors import InvalidInputError
from marey.skeleton.skeleton import Roles, Skeleton


def skeleton_to_json(skeleton: Skeleton) -> dict[str, Any]:
    """Return a JSON object that ``skeleton_from_json`` reads back exactly."""
    return {
        "name": skeleton.name,
        "joint_names": list(skeleton.joint_names),
        "parents": list(skeleton.parents),
        "rest_offsets": skeleton.rest_offsets.tolist(),
        "mirror": list(skeleton.mirror),
        "roles": asdict(skeleton.roles),
        "parts": list(skeleton.parts),
        "end_sites": [[joint, list(offset)] for joint, offset in skeleton.end_sites],
    }


def skeleton_from_json(value: Mapping[str, Any]) -> Skeleton:
    """Return the skeleton of a JSON object. Raises InvalidInputError if it describes none."""
    try:
        return Skeleton(
            name=str(value["name"]),
            joint_names=tuple(str(name) for name in value["joint_names"]),
            parents=tuple(int(p) for p in value["parents"]),
            rest_offsets=torch.tensor(value["rest_offsets"], dtype=torch.float32),
            mirror=tuple(int(m) for m in value["mirror"]),
            roles=Roles(**value["roles"]),
            parts=tuple(str(p) for p in value["parts"]),
            end_sites=tuple(
                (int(joint), (float(x), float(y), float(z)))
                for joint, (x, y, z) in value["end_sites"]
            ),
        )
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InvalidInputError):
            raise
        raise InvalidInputError(
            f"Expected a skeleton with the fields name, joint_names, parents, rest_offsets, mirror, "
            f"roles, parts and end_sites, got one where {error!r}."
        ) from error
