"""From sources of motion capture to a store, with a report of what was left out."""

from marey.data.prepare.bvh import BvhOptions, prepare_bvh
from marey.data.prepare.cmu import CmuOptions, prepare_cmu
from marey.data.prepare.report import PrepareReport, report_of

__all__ = [
    "BvhOptions",
    "CmuOptions",
    "PrepareReport",
    "prepare_bvh",
    "prepare_cmu",
    "report_of",
]
