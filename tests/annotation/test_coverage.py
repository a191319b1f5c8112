"""Coverage and diversity, counted by hand."""

from marey.annotation import Annotation, coverage
from marey.skeleton.parts import PAIR_SLOTS, PARTS, SLOTS


def annotation(*body: str, head: str = "does nothing", hands: str = "") -> Annotation:
    return Annotation(
        body=body,
        parts=dict.fromkeys(PARTS, "does nothing") | {"head": head},
        interactions=dict.fromkeys(PAIR_SLOTS, "") | {"left_arm+right_arm": hands},
    )


def test_silence_is_not_counted_and_words_are_counted_once() -> None:
    rows = coverage(
        [
            annotation("A person nods", "a person nods twice", head="nods 2 times"),
            annotation("a person nods twice", head="nods 3 times", hands="they meet"),
            annotation("someone stands"),
        ]
    )
    assert [row.slot for row in rows] == list(SLOTS)
    by_slot = {row.slot: row for row in rows}
    body, head, hands = (by_slot[slot] for slot in ("global", "head", "left_arm+right_arm"))
    assert (body.share, body.distinct_texts, body.distinct_words) == (1.0, 3, 6)
    assert (head.share, head.distinct_texts, head.distinct_words) == (2 / 3, 2, 2)
    assert (hands.share, hands.distinct_texts, hands.distinct_words) == (1 / 3, 1, 2)
    assert (by_slot["torso"].speaking, by_slot["torso"].distinct_texts) == (0, 0)


def test_nothing_at_all_has_no_share() -> None:
    assert all(row.share != row.share and row.windows == 0 for row in coverage([]))
