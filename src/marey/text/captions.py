"""Captions from geometry: what a motion does, in words, with no language model; deterministic.

After the annotation of KinMo [Zhang2025, §3.2], whose prompts and thresholds were not published:
the events and poses are ours (``predicates``), and so is the wording.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from marey.errors import InvalidInputError
from marey.motion import Motion
from marey.predicates import Event, PoseFacts, find_events
from marey.predicates.pose_facts import binned
from marey.skeleton.parts import PAIR_SLOTS, PARTS
from marey.text.event_wording import IDLE, sequence
from marey.text.keyframes import keyframes_from_facts
from marey.text.pose_sentences import pose_sentences
from marey.text.script import Statement, TextScript
from marey.text.sentences import body_sentence

_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Keyframe:
    """A moment at which the pose has changed, and the pose in words."""

    frame: int
    seconds: float
    pose: str


@dataclass(frozen=True, kw_only=True)
class MotionCaption:
    """A motion in words: as a whole, part by part, pair by pair, event by event."""

    body: str
    """A sentence about the whole body; ``global`` in JSON."""
    parts: Mapping[str, str]
    """A verb phrase for each of the six parts; idle ones say so."""
    interactions: Mapping[str, str]
    """A sentence for each of the fifteen pairs: what they do, or how they are to each other; ""
    for those with the head of a body that has none."""
    events: tuple[Event, ...]
    keyframes: tuple[Keyframe, ...] = ()

    def script(self) -> TextScript:
        """Return the texts as a script to generate from."""
        texts = [*self.parts.items(), *self.interactions.items()]
        return TextScript((Statement(self.body), *(Statement(t, slot) for slot, t in texts if t)))

    def prose(self) -> str:
        """Return all texts as sentences, a line each."""
        parts = [f"The {part.replace('_', ' ')} {text}." for part, text in self.parts.items()]
        pairs = [_sentence(text) for text in self.interactions.values() if text]
        return "\n".join([_sentence(self.body), *parts, *pairs])

    def to_json(self) -> dict[str, Any]:
        """Return a plain dictionary that `from_json` turns back into an equal caption."""
        return {
            "version": _VERSION,
            "global": self.body,
            "parts": dict(self.parts),
            "interactions": dict(self.interactions),
            "events": [event.to_json() for event in self.events],
            "keyframes": [
                {"frame": k.frame, "seconds": k.seconds, "pose": k.pose} for k in self.keyframes
            ],
        }

    @classmethod
    def from_json(cls, content: Any) -> "MotionCaption":
        """Return the caption that `to_json` wrote. Raises InvalidInputError that names a field."""
        if not isinstance(content, Mapping) or content.get("version") != _VERSION:
            raise InvalidInputError(
                f"caption: expected an object of version {_VERSION}, got {content!r:.60}."
            )
        try:
            return cls(
                body=content["global"],
                parts={slot: content["parts"][slot] for slot in PARTS},
                interactions={slot: content["interactions"][slot] for slot in PAIR_SLOTS},
                events=tuple(Event.from_json(each) for each in content["events"]),
                keyframes=tuple(
                    Keyframe(frame=k["frame"], seconds=float(k["seconds"]), pose=k["pose"])
                    for k in content["keyframes"]
                ),
            )
        except (KeyError, TypeError) as error:
            raise InvalidInputError(f"caption: missing or malformed field {error}.") from error


def caption(motion: Motion) -> MotionCaption:
    """Put a motion into words. Raises InvalidInputError for a skeleton without roles.

    Pairs that do nothing together are told as they are in the median of all poses.
    """
    events, facts = find_events(motion), PoseFacts.of(motion)
    frames = keyframes_from_facts(facts, motion.fps)
    usual = pose_sentences(_median_pose(facts))[0].slots
    return MotionCaption(
        body=body_sentence(events),
        parts={part: sequence(_of(events, part)) or IDLE for part in PARTS},
        interactions={
            pair: sequence(_of(events, pair)) or _unfinished(usual[pair]) for pair in PAIR_SLOTS
        },
        events=events,
        keyframes=tuple(
            Keyframe(frame=frame, seconds=frame / motion.fps, pose=pose.whole)
            for frame, pose in zip(frames, pose_sentences(facts, frames), strict=True)
        ),
    )


def _of(events: Sequence[Event], slot: str) -> list[Event]:
    """Events of a slot; being still is told only of a part that does nothing else."""
    own = [event for event in events if event.slot == slot]
    moving = [event for event in own if event.action != "stays"]
    return moving or own[:1]


def _median_pose(facts: PoseFacts) -> PoseFacts:
    middle = torch.from_numpy(np.median(facts.values.numpy(), axis=0, keepdims=True))
    return replace(facts, values=middle, codes=binned(middle), postures=facts.postures[:1])


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _unfinished(sentence: str) -> str:
    return f"{sentence[:1].lower()}{sentence[1:].removesuffix('.')}"
