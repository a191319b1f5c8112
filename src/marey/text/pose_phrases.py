"""Words for the bins of pose facts; the usual bins have none.

A phrase is said of a noun. ``a|b`` is the verb for one side and for both; {side}, {other} and
{same} are the sides of the fact, "opposite" and "same-side" where both sides are told at once.
"""

from types import MappingProxyType

_SIDEWAYS = {
    "far right": "{verb} far to the right",
    "right": "{verb} to the right",
    "left": "{verb} to the left",
    "far left": "{verb} far to the left",
}
_NEAR_HAND = {"at": "is|are at {place}", "near": "is|are near {place}"}


def _sideways(verb: str) -> dict[str, str]:
    return {word: phrase.format(verb=verb) for word, phrase in _SIDEWAYS.items()}


def _near(place: str, *words: str) -> dict[str, str]:
    return {w: _NEAR_HAND[w].replace("{place}", place) for w in words or ("at", "near")}


def _compared(noun: str, bins: tuple[str, str, str, str], how: str) -> dict[str, str]:
    """Phrases for a difference of left and right, which name their noun themselves."""
    sides = ("right", "right", "left", "left")
    far = ("far ", "", "", "far ")
    return {
        word: f"the {side} {noun} is {much}{how} the {other} one"
        for word, side, much, other in zip(
            bins, sides, far, ("left", "left", "right", "right"), strict=True
        )
    }


_AHEAD = ("right far ahead", "right ahead", "left ahead", "left far ahead")
_HIGHER = ("right far higher", "right higher", "left higher", "left far higher")

PHRASES: MappingProxyType[str, tuple[str, dict[str, str]]] = MappingProxyType(
    {
        # torso and head
        "torso_tilt": ("torso", {"horizontal": "is horizontal", "upside down": "hangs head down"}),
        "torso_lean_forward": (
            "torso",
            {
                "far back": "leans far back",
                "back": "leans back",
                "forward": "leans forward",
                "far forward": "leans far forward",
            },
        ),
        "torso_lean_left": ("torso", _sideways("leans")),
        "torso_twist_left": ("torso", _sideways("is twisted")),
        "chest_faces_up": (
            "chest",
            {
                "to the floor": "faces the floor",
                "upward": "is turned up",
                "to the sky": "faces the sky",
            },
        ),
        "back_bend": (
            "back",
            {
                "arched": "is arched",
                "rounded": "is rounded",
                "deeply rounded": "is deeply rounded",
            },
        ),
        "hips_height": (
            "hips",
            {
                "on the floor": "are on the floor",
                "low": "are low",
                "lowered": "are lowered",
                "above standing": "are higher than in standing",
            },
        ),
        "gaze_up": (
            "face",
            {
                "far down": "looks straight down",
                "down": "looks down",
                "up": "looks up",
                "far up": "looks far up",
            },
        ),
        "face_left": ("face", _sideways("is turned")),
        "head_turn_left": ("head", _sideways("is turned")),
        "head_nod_down": (
            "head",
            {
                "far back": "is thrown back",
                "raised": "is raised",
                "bowed": "is bowed",
                "deeply bowed": "is deeply bowed",
            },
        ),
        "head_tilt_left": ("head", _sideways("is tilted")),
        "head_ahead": (
            "head",
            {"behind": "is behind the shoulders", "ahead": "is ahead of the shoulders"},
        ),
        # arms
        "arm_lift": (
            "upper arm",
            {
                "half lifted": "is|are half raised",
                "level": "is|are raised to the shoulder",
                "overhead": "is|are raised overhead",
            },
        ),
        "arm_forward": (
            "upper arm",
            {
                "far back": "points|point far back",
                "back": "points|point back",
                "forward": "points|point forward",
                "straight ahead": "points|point straight ahead",
            },
        ),
        "arm_outward": (
            "upper arm",
            {
                "across": "reaches|reach across the chest",
                "outward": "points|point to the side",
                "straight out": "points|point straight out to the side",
            },
        ),
        "elbow_bend": (
            "elbow",
            {
                "straight": "is|are straight",
                "bent": "is|are bent",
                "strongly bent": "is|are strongly bent",
                "folded": "is|are folded",
            },
        ),
        "forearm_pitch": (
            "forearm",
            {
                "down": "hangs|hang straight down",
                "level": "is|are level",
                "slanting up": "slants|slant up",
                "up": "points|point straight up",
            },
        ),
        "hand_height": ("hand", {"at the floor": "is|are at the floor"}),
        "hand_over_shoulders": (
            "hand",
            {
                "chest": "is|are at chest height",
                "shoulder": "is|are at shoulder height",
                "head": "is|are at head height",
                "overhead": "is|are above the head",
            },
        ),
        "hand_ahead": (
            "hand",
            {
                "behind": "is|are behind the body",
                "in front": "is|are in front of the body",
                "far in front": "is|are far in front of the body",
            },
        ),
        "hand_outward": (
            "hand",
            {
                "across": "is|are across the middle of the body",
                "out": "is|are out to the side",
                "far out": "is|are far out to the side",
            },
        ),
        "hand_to_own_hip": ("hand", _near("the {same} hip", "at")),
        "hand_to_head": ("hand", _near("the head")),
        "hand_over_head": ("hand", {"above": "is|are higher than the head"}),
        "hands_distance": (
            "hands",
            {
                "together": "are together",
                "close": "are close to each other",
                "wide apart": "are wide apart",
                "spread": "are spread far apart",
            },
        ),
        "hands_apart": ("hands", {"crossed": "cross each other"}),
        "left_hand_higher": ("", _compared("hand", _HIGHER, "higher than")),
        "left_hand_ahead_of_right": ("", _compared("hand", _AHEAD, "ahead of")),
        "hand_to_other_shoulder": ("hand", _near("the {other} shoulder")),
        "hand_to_other_elbow": ("hand", _near("the {other} elbow")),
        # legs
        "thigh_forward": (
            "thigh",
            {
                "back": "points|point back",
                "forward": "points|point forward",
                "straight ahead": "points|point straight ahead",
            },
        ),
        "thigh_outward": (
            "thigh",
            {
                "across": "crosses|cross the middle",
                "outward": "points|point outward",
                "spread": "is|are spread to the side",
            },
        ),
        "knee_bend": (
            "knee",
            {
                "straight": "is|are straight",
                "bent": "is|are bent",
                "strongly bent": "is|are strongly bent",
                "folded": "is|are folded",
            },
        ),
        "knee_height": ("knee", {"on the ground": "is|are on the ground", "high": "is|are high"}),
        "shin_pitch": ("shin", {"level": "is|are level", "up": "points|point up"}),
        "foot_height": (
            "foot",
            {
                "just off the ground": "is|are just off the ground",
                "lifted": "is|are lifted",
                "high": "is|are high off the ground",
            },
        ),
        "heel_over_toe": (
            "heel",
            {"toes up": "is|are lower than the toes", "heel up": "is|are up"},
        ),
        "foot_ahead": (
            "foot",
            {
                "behind": "is|are behind the hips",
                "ahead": "is|are ahead of the hips",
                "far ahead": "is|are far ahead of the hips",
            },
        ),
        "foot_outward": (
            "foot",
            {
                "across": "is|are across the middle",
                "out": "is|are out to the side",
                "far out": "is|are far out to the side",
            },
        ),
        "knee_over_hip": (
            "knee",
            {"level": "is|are level with the hips", "above": "is|are above the hips"},
        ),
        "knee_to_head": ("knee", _near("the head")),
        "foot_ahead_of_head": (
            "foot",
            {"behind": "is|are behind the head", "ahead": "is|are ahead of the head"},
        ),
        "feet_distance": ("feet", {"together": "are together", "far apart": "are far apart"}),
        "feet_apart": (
            "feet",
            {
                "crossed": "cross each other",
                "in line": "are in one line",
                "wide": "are set wide",
                "very wide": "are set very wide",
            },
        ),
        "left_foot_higher": ("", _compared("foot", _HIGHER, "higher than")),
        "left_foot_ahead_of_right": ("", _compared("foot", _AHEAD, "ahead of")),
        "knees_distance": ("knees", {"together": "are together", "far apart": "are far apart"}),
        # arms and legs
        "hand_to_own_knee": ("hand", _near("the {same} knee")),
        "hand_to_other_knee": ("hand", _near("the {other} knee")),
        "hand_to_own_foot": ("hand", _near("the {same} foot")),
        "hand_to_other_foot": ("hand", _near("the {other} foot")),
        "hand_ahead_of_own_foot": (
            "hand",
            {
                "behind": "is|are behind the {same} foot",
                "ahead": "is|are well ahead of the {same} foot",
            },
        ),
        "hand_ahead_of_other_foot": (
            "hand",
            {
                "behind": "is|are behind the {other} foot",
                "ahead": "is|are well ahead of the {other} foot",
            },
        ),
    }
)
"""Noun and phrases by bin, of a family of facts; a noun of "" has its side in the phrase."""

USUAL: MappingProxyType[str, str] = MappingProxyType(
    {
        "torso": "the torso is upright",
        "head": "the face looks straight ahead",
        "arm": "the {side} arm rests along the body",
        "leg": "the {side} leg is in line with the body",
        "torso+head": "the head is in line with the torso",
        "torso+arm": "the {side} hand is beside the body",
        "torso+leg": "the {side} foot is in line with the hips",
        "head+arm": "the {side} hand is away from the head",
        "head+leg": "the {side} leg is away from the head",
        "arm+arm": "the hands are side by side",
        "arm+leg": "the {side} hand is away from the {other} leg",
        "leg+leg": "the feet are side by side",
    }
)
"""What is said of a slot of which nothing else is; sides are those of its first and last part."""
