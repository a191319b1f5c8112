"""Text: what the user says, and what a model sees of it."""

from marey.skeleton.parts import SLOTS
from marey.text.cache import CachedEncoder
from marey.text.captions import Keyframe, MotionCaption, caption
from marey.text.condition import TextCondition, collate_conditions, condition_from_scripts
from marey.text.encoder import TextEncoder, TextStates
from marey.text.event_wording import phrase as event_phrase
from marey.text.keyframes import (
    keyframe_agreement,
    keyframes_from_facts,
    keyframes_from_sentences,
)
from marey.text.minilm import MiniLMEncoder
from marey.text.mirror import mirror_text, mirrored_texts
from marey.text.particulars import Particulars, stated_sides, stated_ways
from marey.text.pose_sentences import PoseText, pose_sentences
from marey.text.script import Statement, TextScript, shortened
from marey.text.similarity import (
    FALSE_NEGATIVE_THRESHOLD,
    PROTOCOL_THRESHOLD,
    ComparableTexts,
    TextSimilarity,
)
from marey.text.timeline import load_timeline

__all__ = [
    "FALSE_NEGATIVE_THRESHOLD",
    "PROTOCOL_THRESHOLD",
    "SLOTS",
    "CachedEncoder",
    "ComparableTexts",
    "Keyframe",
    "MiniLMEncoder",
    "MotionCaption",
    "Particulars",
    "PoseText",
    "Statement",
    "TextCondition",
    "TextEncoder",
    "TextScript",
    "TextSimilarity",
    "TextStates",
    "caption",
    "collate_conditions",
    "condition_from_scripts",
    "event_phrase",
    "keyframe_agreement",
    "keyframes_from_facts",
    "keyframes_from_sentences",
    "load_timeline",
    "mirror_text",
    "mirrored_texts",
    "pose_sentences",
    "shortened",
    "stated_sides",
    "stated_ways",
]
