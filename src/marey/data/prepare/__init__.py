"""From sources of motion capture to a store, with a report of what was left out."""

from marey.data.prepare.amass import AmassOptions, prepare_amass
from marey.data.prepare.bvh import BvhOptions, prepare_bvh
from marey.data.prepare.cmu import CmuOptions, prepare_cmu
from marey.data.prepare.humanml3d import HumanML3DOptions, prepare_humanml3d
from marey.data.prepare.humanml3d_folder import FolderReport
from marey.data.prepare.report import PrepareReport, report_of

__all__ = [
    "AmassOptions",
    "BvhOptions",
    "CmuOptions",
    "FolderReport",
    "HumanML3DOptions",
    "PrepareReport",
    "prepare_amass",
    "prepare_bvh",
    "prepare_cmu",
    "prepare_humanml3d",
    "report_of",
]
