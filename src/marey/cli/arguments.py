"""Arguments that several commands share, and their checks."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

if TYPE_CHECKING:
    from marey.skeleton import Skeleton

InputFile = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")]
"""A file to read."""

Outputs = Annotated[
    tuple[Path, ...],
    tyro.conf.UseAppendAction,
    tyro.conf.arg(name="output", aliases=["-o"], metavar="FILE"),
]
"""Files to write: ``-o a.bvh -o b.glb``."""


@dataclass(frozen=True, kw_only=True)
class BvhFlags:
    """How a BVH file is read, where it does not say itself."""

    unit: Literal["auto", "cm", "m", "mm"] = "auto"
    """Unit of lengths in a BVH file; auto goes by the size of the body."""
    up: Literal["Y", "Z"] = "Y"
    """Axis that points up in a BVH file."""
    translations: Literal["refuse", "drop"] = "refuse"
    """What to do with a BVH, FBX or glTF file that stretches bones: refuse it, or keep it rigid."""


AS_BVH = BvhFlags()
BvhReading = Annotated[BvhFlags, tyro.conf.OmitArgPrefixes]
"""``--unit``, ``--up`` and ``--translations``."""


_EXTRAS = {
    ".mp4": ("av", "video"),
    ".usd": ("pxr", "usd"),
    ".usda": ("pxr", "usd"),
    ".usdc": ("pxr", "usd"),
}
"""Package that a file's writer needs, and the extra that it comes with."""


def check_outputs(outputs: tuple[Path, ...], suffixes: tuple[str, ...], *, force: bool) -> None:
    """Raise InvalidInputError, before long work, for files that could not be written at its end.

    These are none at all, one named twice, another suffix, or one that exists without ``force``.
    """
    from importlib.util import find_spec

    from marey.errors import InvalidInputError, MissingExtraError

    valid = ", ".join(suffixes)
    if not outputs:
        raise InvalidInputError(f"Expected at least one -o FILE; the suffix is one of {valid}.")
    if len(set(outputs)) < len(outputs):
        raise InvalidInputError(f"A file is named twice: {', '.join(map(str, outputs))}.")
    for path in outputs:
        if path.suffix.lower() not in suffixes:
            raise InvalidInputError(
                f"{path}: expected a name that ends in {valid}, got {path.suffix or 'no suffix'}."
            )
        module, extra = _EXTRAS.get(path.suffix.lower(), ("marey", ""))
        if find_spec(module) is None:
            raise MissingExtraError(f"Writing {path.suffix.lower()}", extra=extra)
        if path.exists() and not force:
            raise InvalidInputError(
                f"{path} exists and is not overwritten. Choose another name, or pass --force."
            )


def part_texts(parts: tuple[str, ...]) -> dict[str, str]:
    """Return texts by part from words like ``left_arm=waves``.

    Raises InvalidInputError for words without ``=``, or for a part that is named twice.
    """
    from marey.errors import InvalidInputError

    texts: dict[str, str] = {}
    for part in parts:
        name, sign, words = part.partition("=")
        if not sign:
            raise InvalidInputError(
                f'--part: expected NAME=TEXT, such as left_arm="waves", got {part!r}.'
            )
        if name in texts:
            raise InvalidInputError(f"--part: {name} is given twice; join the two texts into one.")
        texts[name] = words
    return texts


def require_named_joints(path: Path, skeleton: "Skeleton") -> None:
    """Raise InvalidInputError that tells joints to rename, unless all roles but the head's are."""
    from marey.errors import InvalidInputError
    from marey.io.bvh_names import UNDERSTOOD

    unknown = [
        role for role, joint in vars(skeleton.roles).items() if not joint and role in UNDERSTOOD
    ]
    if unknown:
        limbs = dict.fromkeys(role.removeprefix("left_").removeprefix("right_") for role in unknown)
        names = "; ".join(f"{limb}: {UNDERSTOOD[f'left_{limb}']}" for limb in limbs)
        raise InvalidInputError(
            f"{path}: expected joint names that tell hips, heels, toes and hands, found none for "
            f"{', '.join(unknown)} among {', '.join(skeleton.joint_names)}. Understood are names "
            f"such as ({names}). Rename the joints in the file (in a BVH file, in its HIERARCHY), "
            "or name them in Python: dataclasses.replace(skeleton, roles=Roles(...))."
        )
