"""From sources of motion capture to a store, with a report of what was left out."""

from marey.data.prepare.cmu import CmuOptions, prepare_cmu
from marey.data.prepare.report import PrepareReport, report_of

__all__ = ["CmuOptions", "PrepareReport", "prepare_cmu", "report_of"]
