"""What a text suite holds beside a model: training motions of the most similar captions, and how
far motions are from what was trained on."""

from collections.abc import Sequence
from itertools import chain

import torch
from jaxtyping import Float, Int
from torch import Tensor

from marey.data import MotionStore, WindowRecord
from marey.errors import InvalidInputError
from marey.evaluation.manifest import captions_of, is_usable
from marey.metrics import nearest_clips
from marey.motion import Motion
from marey.text import ComparableTexts, TextSimilarity

NEAREST_FPS = 10.0
"""Frame rate at which motions are compared with training clips."""


def nearest_in_training(
    store: MotionStore, texts: ComparableTexts, similarity: TextSimilarity
) -> tuple[WindowRecord, ...]:
    """Return the training window with the caption most similar to each text.

    Where the sides, ways, speeds or counts of no training caption are those of a text, the one
    whose words are nearest. Raises InvalidInputError for a store without captions in ``train``.
    """
    told = [
        (window, caption)
        for window in store.windows_of("train")
        if is_usable(window, store.fps)
        for caption in captions_of(window)
    ]
    if not told:
        raise InvalidInputError(
            f"{store.path}: expected captioned windows in train, got none. Make the store from the "
            "whole CMU pack with `marey data prepare cmu PACK STORE`."
        )
    chosen = _most_similar(texts, similarity.prepare([caption for _, caption in told]))
    return tuple(told[row][0] for row in chosen.tolist())


def distances_to_training(
    motions: Sequence[Motion], store: MotionStore
) -> Float[Tensor, " motions"]:
    """Return how far each motion is from the nearest clip of ``train`` or its mirror image.

    Metres, mean over joints of poses that face forward (see `metrics.nearest_clips`).
    """
    clips = [store.motion(clip.clip_id) for clip in store.clips if clip.split == "train"]
    training = [_slow(each) for each in chain(clips, (clip.mirror() for clip in clips))]
    found = nearest_clips([_slow(each) for each in motions], training, store.skeleton)
    return torch.tensor([each.distance for each in found])


def _most_similar(texts: ComparableTexts, others: ComparableTexts) -> Int[Tensor, " texts"]:
    alike = texts.similarity(others)
    words = texts.vectors @ others.vectors.T
    return torch.where(alike.amax(1, keepdim=True) > 0, alike, words).argmax(1)


def _slow(motion: Motion) -> Tensor:
    return motion.resample(NEAREST_FPS).joint_positions
