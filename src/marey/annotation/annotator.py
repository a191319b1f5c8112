"""Annotators of one window: by measurement alone, or by asking a language model."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

from marey import __version__
from marey.annotation.annotation import ANSWER_SCHEMA, Annotation
from marey.annotation.contradictions import contradictions, without_contradictions
from marey.annotation.language_model import LanguageModel, LanguageModelError, Reply
from marey.annotation.prompt import (
    PROMPT_VERSION,
    Message,
    first_question,
    follow_up,
    unreadable_follow_up,
)
from marey.annotation.rate_limit import RateLimit
from marey.errors import InvalidInputError
from marey.motion import Motion
from marey.text import MotionCaption, caption

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
"""Seconds before the second attempt, doubled for each further one, and the most of them."""

_KEY_DIGITS = 32


@dataclass(frozen=True, kw_only=True)
class WindowTask:
    """A window to annotate."""

    window_id: str
    motion: Motion
    context: tuple[str, ...] = ()
    """What people wrote about it."""
    known_key: str = ""
    """Key of the annotation that it has; "" for none."""


@dataclass(kw_only=True)
class Usage:
    """What questions cost so far."""

    requests: int = 0
    prompt_tokens: int = 0
    answer_tokens: int = 0
    untold: int = 0
    """Replies of models that told no numbers of tokens."""

    def add(self, other: "Usage") -> None:
        """Count what another one has counted, too."""
        for name, count in vars(other).items():
            setattr(self, name, getattr(self, name) + count)

    def read(self, reply: Reply) -> None:
        """Count the tokens of a reply."""
        self.prompt_tokens += reply.prompt_tokens or 0
        self.answer_tokens += reply.answer_tokens or 0
        self.untold += reply.prompt_tokens is None or reply.answer_tokens is None


@dataclass(kw_only=True)
class Outcome:
    """What came of a task: an annotation, nothing new (it is known), or a reason why not."""

    window_id: str
    key: str
    annotation: Annotation | None = None
    failure: str = ""
    """Why there is no annotation, in a few words to count by; "" for none."""
    details: str = ""
    """What the model or its server said of the failure."""
    sent_back: tuple[str, ...] = ()
    """What was wrong with the first answer: ``unreadable`` or ``contradiction``."""
    usage: Usage = field(default_factory=Usage)


WindowAnnotator = Callable[[WindowTask], Outcome]
"""Something that annotates a window, unless its known annotation was made from the same input."""


def measure_window(task: WindowTask) -> Outcome:
    """Annotate a window by measurement alone (`Annotation.of`)."""
    motion, body = task.motion, task.motion.skeleton
    named = (__version__, motion.fps, body.joint_names, body.parents, body.roles)
    digest = hashlib.sha256(repr(named).encode())
    for array in (body.rest_offsets, motion.root_positions, motion.local_rotations):
        digest.update(array.numpy().tobytes())
    outcome = Outcome(window_id=task.window_id, key=digest.hexdigest()[:_KEY_DIGITS])
    if outcome.key != task.known_key:
        outcome.annotation = Annotation.of(caption(task.motion))
    return outcome


@final
class LanguageModelAnnotator:
    """Annotates windows with a language model; threads may share it.

    An answer that is no JSON, breaks the schema or contradicts the motion is sent back once.
    What contradicts the motion then is replaced by measured text; what cannot be read is a
    failure. Requests that failed for a passing reason are sent ``attempts`` times in all.
    """

    def __init__(
        self,
        model: LanguageModel,
        limit: RateLimit,
        *,
        attempts: int = 4,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._model, self._limit = model, limit
        self._attempts, self._sleep = attempts, sleep

    def __call__(self, task: WindowTask) -> Outcome:
        """Annotate a window, unless its known annotation was made from the same question."""
        said = caption(task.motion)
        question = first_question(said, task.context)
        outcome = Outcome(window_id=task.window_id, key=question_key(self._model.name, question))
        if outcome.key == task.known_key:
            return outcome
        try:
            outcome.annotation = self._converse(question, said, outcome)
        except LanguageModelError as error:
            outcome.failure, outcome.details = error.reason, str(error)
        return outcome

    def _converse(
        self, question: Sequence[Message], said: MotionCaption, outcome: Outcome
    ) -> Annotation:
        """Ask, and ask again with what is wrong. Raises LanguageModelError if none can be read."""
        reply = self._ask(question, outcome.usage)
        try:
            first = read_answer(reply.text, self._model.name)
        except InvalidInputError as error:
            outcome.sent_back = ("unreadable",)
            again = unreadable_follow_up(question, reply.text, str(error))
            return _mended(self._read(self._ask(again, outcome.usage)), said)
        found = contradictions(first, said.events)
        if not found:
            return first
        outcome.sent_back = ("contradiction",)
        again = follow_up(question, reply.text, found)
        try:
            return _mended(self._read(self._ask(again, outcome.usage)), said)
        except LanguageModelError:
            return _mended(first, said)  # the first answer could at least be read

    def _read(self, reply: Reply) -> Annotation:
        try:
            return read_answer(reply.text, self._model.name)
        except InvalidInputError as error:
            reason = "not JSON" if isinstance(error.__cause__, ValueError) else "wrong schema"
            raise LanguageModelError(reason, str(error), passing=False) from error

    def _ask(self, messages: Sequence[Message], usage: Usage) -> Reply:
        """Ask until there is a reply. Raises the LanguageModelError of the last attempt."""
        wait = FIRST_WAIT
        for attempt in range(1, self._attempts + 1):
            self._limit.wait()
            usage.requests += 1
            try:
                reply = self._model.ask(messages, ANSWER_SCHEMA)
            except LanguageModelError as error:
                asked_for = error.wait or 0.0
                if not error.passing or attempt == self._attempts or asked_for > LONGEST_WAIT:
                    raise
                if error.wait is not None:
                    self._limit.pause(asked_for)  # it is busy: that holds for all threads
                else:
                    self._sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT)
            else:
                usage.read(reply)
                return reply
        raise AssertionError("the last attempt returns or raises")


def question_key(model: str, question: Sequence[Message]) -> str:
    """Return the hash that an answer is kept by: of prompt version, model and question."""
    asked = [[message.role, message.text] for message in question]
    content = json.dumps([PROMPT_VERSION, model, asked])
    return hashlib.sha256(content.encode()).hexdigest()[:_KEY_DIGITS]


def read_answer(text: str, author: str) -> Annotation:
    """Return the annotation in an answer; words and fences around the JSON are passed over.

    Raises InvalidInputError for an answer without JSON, or that breaks the schema.
    """
    start, end = text.find("{"), text.rfind("}")
    try:
        content: Mapping[str, Any] = json.loads(text[start : end + 1])
    except ValueError as error:
        raise InvalidInputError(f"expected JSON, got {text!r:.60} ({error}).") from error
    return Annotation.from_answer(content, author)


def _mended(annotation: Annotation, said: MotionCaption) -> Annotation:
    """Replace what still contradicts the motion by measured text."""
    found = contradictions(annotation, said.events)
    return without_contradictions(annotation, found, Annotation.of(said))
