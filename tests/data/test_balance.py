import pytest
import torch

from marey.data import BalanceOptions, WindowRecord, WindowText, actions_of, window_weights
from marey.data.balance import action_masses, window_actions
from marey.errors import InvalidInputError


def windows(*texts: str, **flags: bool) -> list[WindowRecord]:
    return [
        WindowRecord(
            clip_id=f"{i}",
            start=0,
            end=40,
            split="train",
            texts=tuple(WindowText(text=t, source="caption") for t in text.split("|")),
            **flags,
        )
        for i, text in enumerate(texts)
    ]


@pytest.mark.parametrize(
    ("text", "actions"),
    [
        ("a person walks forward", ("walk",)),
        ("A man WALKS slowly backwards", ("walk_backward", "walk")),
        ("takes two steps back, then jumps", ("walk_backward", "jump")),
        ("someone sidesteps to the left", ("sidestep",)),
        ("walks to the right side", ("sidestep", "walk")),
        ("turns left and sits down", ("turn", "sit")),
        ("sits, then stands up", ("sit", "stand_up")),
        ("stands still", ("stand_still",)),
        ("raises the right hand above the head", ("raise_arm",)),
        ("waves with both hands", ("wave",)),
        ("punches twice and kicks with the left leg", ("punch", "kick")),
        ("a dragon breathes", ()),
        ("the driver parks a car", ()),
        ("jogs in a circle", ("run", "circle")),
        ("cartwheels", ("acrobatics",)),
    ],
)
def test_actions_are_found_in_the_order_of_the_text(text: str, actions: tuple[str, ...]) -> None:
    assert actions_of(text) == actions


def test_a_window_names_what_any_of_its_texts_names() -> None:
    (window,) = windows("walks|walks and kicks|jumps")
    assert window_actions(window) == ("walk", "kick", "jump")


def test_actions_get_equal_mass_within_the_bound() -> None:
    found = windows(*["walks"] * 900, *["kicks"] * 300, *["crawls"] * 100)
    options = BalanceOptions(strength=1.0, max_repetition=20.0)
    weights = window_weights(found, options=options)
    shares = {row.action: row.share_of_draws for row in action_masses(found, weights)}
    assert shares == pytest.approx({"walk": 1 / 3, "kick": 1 / 3, "crawl": 1 / 3}, abs=1e-4)
    assert float(weights.mean()) == pytest.approx(1.0, abs=1e-4)
    level = window_weights(found, options=BalanceOptions(strength=0.0))
    assert torch.equal(level, torch.ones(len(found)))


def test_a_rare_action_rises_but_not_without_bound() -> None:
    found = windows(*["walks"] * 990, *["walks|kicks"] * 9, "crawls")
    weights = window_weights(found)
    assert float(weights[:990].max()) < float(weights[990]) <= float(weights[-1])
    assert float(weights.max()) <= BalanceOptions().max_repetition
    assert float(weights.min()) > 0


def test_flags_lower_the_weight() -> None:
    plain = windows(*["walks"] * 10)
    flagged = [windows("walks", **{name: True})[0] for name in ("flip", "off_floor", "coarse")]
    weights = window_weights([*plain, *flagged])
    ratios = (weights / weights[0])[-3:]
    torch.testing.assert_close(ratios, torch.tensor([0.0, 0.25, 0.5]))
    everything = window_weights(windows(*["walks"] * 3, flip=True))
    assert torch.equal(everything, torch.zeros(3))


def test_a_window_without_an_action_keeps_its_weight() -> None:
    found = windows(*["walks"] * 40, *["jumps"] * 40, "paints a fence")
    assert float(window_weights(found)[-1]) == pytest.approx(1.0, abs=0.02)


def test_nothing_gives_nothing() -> None:
    assert window_weights([]).shape == (0,)
    assert action_masses([], torch.zeros(0)) == ()


@pytest.mark.parametrize(
    "options",
    [
        BalanceOptions(max_repetition=0.5),
        BalanceOptions(strength=1.5),
        BalanceOptions(coarse=-1.0),
    ],
)
def test_options_out_of_range_are_refused(options: BalanceOptions) -> None:
    with pytest.raises(InvalidInputError, match="max_repetition"):
        window_weights(windows("walks"), options=options)
