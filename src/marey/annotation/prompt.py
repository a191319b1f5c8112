"""The prompt: what a language model is told of a motion, and what it is asked to write.

KinMo's prompts were not published [Zhang2025, §3.2]; these are ours. Whoever changes a word here
gives the prompt a new version, so that cached answers and agreement scores stay apart.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from marey.annotation.annotation import ANSWER_SCHEMA
from marey.annotation.contradictions import Contradiction
from marey.text import MotionCaption, event_phrase

PROMPT_VERSION = "1"

_TASK = """\
You describe human motion capture. You get what was measured in a clip: the pose at keyframes,
the movements of every body part with their times in seconds, and sentences that people wrote
about the clip, which may be incomplete. Write, in plain English:
- "global": three different sentences about the whole motion, from short to detailed;
- "parts": for each of the six parts what it does over the clip, as a phrase that starts with a
  verb ("rises above the head, then waves three times"). A part that has nothing to do "does
  nothing";
- "interactions": for each of the fifteen pairs of parts how the two move together or against each
  other; an empty text where they have nothing to do with each other.
Left and right are the character's own. Say nothing that was not measured or written. Do not
invent objects. Answer with JSON that follows this schema, and nothing else:
"""

_AGAIN = "These claims are not true of the motion; correct them and answer with the whole JSON:\n"


_MALFORMED = (
    "This answer cannot be read; answer with the whole JSON and nothing else. What is wrong: "
)


@dataclass(frozen=True, kw_only=True)
class Message:
    """A turn of the conversation with a language model."""

    role: Literal["system", "user", "assistant"]
    text: str


def first_question(caption: MotionCaption, context: Sequence[str] = ()) -> list[Message]:
    """Return the messages that ask for an annotation; ``context`` is what people wrote."""
    return [
        Message(role="system", text=_TASK + json.dumps(ANSWER_SCHEMA)),
        Message(role="user", text=_measured(caption, context)),
    ]


def follow_up(
    question: Sequence[Message], answer: str, found: Sequence[Contradiction]
) -> list[Message]:
    """Return the messages that send an answer back with what is wrong in it."""
    lines = [f'- {each.slot}: "{each.text}" claims "{each.words}"' for each in found]
    return [
        *question,
        Message(role="assistant", text=answer),
        Message(role="user", text=_AGAIN + "\n".join(lines)),
    ]


def unreadable_follow_up(question: Sequence[Message], answer: str, complaint: str) -> list[Message]:
    """Return the messages that send back an answer that is no JSON or breaks the schema."""
    return [
        *question,
        Message(role="assistant", text=answer),
        Message(role="user", text=_MALFORMED + complaint),
    ]


def _measured(caption: MotionCaption, context: Sequence[str]) -> str:
    written = [f"- {text}" for text in context] or ["- (nothing)"]
    poses = [f"- {key.seconds:.1f} s: {key.pose}" for key in caption.keyframes]
    events = [
        f"- {e.start:.1f}–{e.end:.1f} s, {e.slot.replace('_', ' ')}: {event_phrase(e)}"
        for e in caption.events
    ]
    return "\n".join(["Written:", *written, "Poses:", *poses, "Movements:", *events])
