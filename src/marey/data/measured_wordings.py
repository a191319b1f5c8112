"""Our own plain sentences for measured windows; right-hand ones are mirrored from the left."""

from types import MappingProxyType

from marey.text.mirror import mirror_text

SUBJECTS: tuple[str, ...] = (
    "a person",
    "someone",
    "the person",
    "a man",
    "a figure",
    "the man",
    "a woman",
    "the figure",
)

_CENTRAL: dict[str, tuple[str, ...]] = {
    "walk_forward": (
        "walks",
        "strides ahead",
        "walks straight on",
        "is walking in a straight line",
        "takes several steps forward",
        "moves forward on foot",
        "walks along at an even pace",
        "goes forward step by step",
    ),
    "walk_backward": (
        "steps backwards",
        "walks backward for a few steps",
        "is walking backwards",
        "backs away",
        "moves backward step by step",
        "backs up a few steps",
        "retreats backward",
        "takes several steps back",
    ),
    "run": (
        "is running",
        "runs straight on",
        "runs fast",
        "jogs ahead",
        "is jogging",
        "sprints forward",
        "runs in a straight line",
    ),
    "jump": (
        "jumps up",
        "leaps into the air",
        "is jumping",
        "hops up off the floor",
        "makes a jump on the spot",
        "springs off the ground and lands again",
    ),
    "jump_forward": (
        "jumps forward",
        "leaps ahead",
        "makes a jump to the front",
        "hops forward",
        "takes off and lands further ahead",
    ),
    "sit_down": (
        "takes a seat",
        "sits",
        "lowers the body onto a seat",
        "sits down from standing",
        "is sitting down",
        "goes from standing to sitting",
    ),
    "squat": (
        "goes down into a squat",
        "does a squat",
        "bends the knees deeply and lowers the hips",
        "is squatting",
        "crouches down low on both feet",
        "squats with bent knees",
    ),
    "stand_still": (
        "stands",
        "stands motionless",
        "is standing still",
        "stays in place without moving",
        "stands and waits quietly",
        "remains standing and hardly moves",
        "holds still on both feet",
    ),
}

_LEFT: dict[str, tuple[str, ...]] = {
    "sidestep_left": (
        "shuffles sideways to the left",
        "takes side steps to the left",
        "moves sideways to the left",
        "is sidestepping left",
        "goes left with sideways steps",
        "steps to the left side",
        "steps sideways, leftwards",
    ),
    "turn_left": (
        "turns around to the left on the spot",
        "turns left in place",
        "is turning to the left",
        "rotates to the left",
        "makes a turn to the left",
        "turns the whole body to the left",
        "turns counterclockwise in place",
    ),
    "walk_turn_left": (
        "walks forward and turns left",
        "walks and turns to the left",
        "walks in a curve to the left",
        "is walking and bends off to the left",
        "goes forward, curving left",
        "walks ahead while turning left",
    ),
    "run_turn_left": (
        "runs and turns left",
        "runs in a curve to the left",
        "is running, bending to the left",
        "jogs along a curve to the left",
    ),
    "raise_left_hand": (
        "lifts the left hand overhead",
        "raises the left hand up high",
        "raises the left arm above the head",
        "puts the left hand up over the head",
        "is holding the left hand above the head",
        "stretches the left arm upward",
        "reaches up high with the left hand",
    ),
    "walk_raise_left_hand": (
        "walks forward with the left hand raised above the head",
        "walks and lifts the left arm overhead",
        "raises the left hand over the head while walking",
        "is walking with the left arm up high",
    ),
    "kick_left": (
        "kicks with the left foot",
        "does a left kick",
        "kicks the left leg up in front",
        "swings the left leg forward and up in a kick",
        "is kicking with the left leg",
        "throws a kick with the left leg",
        "makes a high kick with the left foot",
    ),
    "step_kick_left": (
        "steps forward and kicks with the left foot",
        "takes a few steps and does a left kick",
        "walks up and swings the left leg into a kick",
        "moves ahead, then kicks with the left leg",
    ),
}

WORDINGS: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {
        **_CENTRAL,
        **_LEFT,
        **{
            mirror_text(name.replace("_", " ")).replace(" ", "_"): tuple(map(mirror_text, phrases))
            for name, phrases in _LEFT.items()
        },
    }
)
"""What a body does, without its subject, by action."""


def wordings(action: str, number: int) -> tuple[str, ...]:
    """Return every sentence for an action; the subjects shift with ``number``."""
    return tuple(
        f"{SUBJECTS[(i + 3 * number) % len(SUBJECTS)]} {phrase}"
        for i, phrase in enumerate(WORDINGS[action])
    )
