"""Motions with texts on disk: the store, its writer, and how often training draws what."""

from marey.data.balance import (
    BalanceOptions,
    action_masses,
    actions_of,
    share_with_measured,
    window_weights,
)
from marey.data.records import ClipRecord, Drop, WindowRecord, WindowText
from marey.data.store import MotionStore
from marey.data.writer import StoreSpec, StoreWriter

__all__ = [
    "BalanceOptions",
    "ClipRecord",
    "Drop",
    "MotionStore",
    "StoreSpec",
    "StoreWriter",
    "WindowRecord",
    "WindowText",
    "action_masses",
    "actions_of",
    "share_with_measured",
    "window_weights",
]
