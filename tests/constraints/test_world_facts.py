"""World facts: a mask, not a value, says what is known; shapes agree; known values are finite."""

from dataclasses import replace

import pytest
import torch

from marey.constraints import WorldFacts
from marey.errors import InvalidInputError


def changed(facts: WorldFacts, name: str, value: torch.Tensor) -> WorldFacts:
    """Replace a field past the shape annotations, which only the test suite executes."""
    made = object.__new__(WorldFacts)
    made.__dict__.update(vars(facts) | {name: value})
    made.__post_init__()
    return made


@pytest.fixture
def facts() -> WorldFacts:
    return WorldFacts.empty(6, 3)


def test_empty_facts_know_nothing(facts: WorldFacts) -> None:
    assert (facts.num_frames, facts.num_joints) == (6, 3)
    masks = [value for name, value in vars(facts).items() if name.endswith("mask")]
    assert len(masks) == 6
    assert not any(bool(mask.any()) for mask in masks)


@pytest.mark.parametrize("name", [n for n in vars(WorldFacts.empty(1, 1)) if "mask" not in n])
def test_every_kind_of_fact_is_checked_for_its_shape(facts: WorldFacts, name: str) -> None:
    longer = torch.cat((getattr(facts, name), getattr(facts, name)[:1]))
    with pytest.raises(InvalidInputError, match=rf"WorldFacts.{name} must have shape .* got \(7"):
        changed(facts, name, longer)


def test_joints_must_agree(facts: WorldFacts) -> None:
    with pytest.raises(InvalidInputError, match=r"global_rotation_mask.*\(6, 3\).*got \(6, 2\)"):
        changed(facts, "global_rotation_mask", facts.global_rotation_mask[:, :2])


def test_no_frames_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="at least one frame"):
        WorldFacts.empty(0, 3)


@pytest.mark.parametrize(
    ("name", "mask"), [("root_path", "root_path_mask"), ("joint_positions", "joint_position_mask")]
)
def test_only_known_values_must_be_finite(facts: WorldFacts, name: str, mask: str) -> None:
    holes = torch.full_like(getattr(facts, name), torch.nan)
    unknown = replace(facts, **{name: holes})
    known = getattr(facts, mask).clone()
    known[4] = True
    with pytest.raises(InvalidInputError, match=f"WorldFacts.{name} is not finite in frame 4"):
        replace(unknown, **{mask: known})
