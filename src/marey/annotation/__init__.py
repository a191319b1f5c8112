"""Texts for the parts of real motions, from geometry and from language models."""

from marey.annotation.agreement import Agreement, agreement, cohens_kappa, log_agreement
from marey.annotation.annotate import (
    AnnotationReport,
    Prices,
    Workers,
    annotate,
    in_threads,
)
from marey.annotation.annotation import ANSWER_SCHEMA, GEOMETRY, Annotation
from marey.annotation.annotation_file import (
    AnnotatedWindow,
    AnnotationFile,
    annotation_path,
    read_annotations,
    read_part_texts,
)
from marey.annotation.annotator import (
    LanguageModelAnnotator,
    Outcome,
    Usage,
    WindowTask,
    measure_window,
    read_answer,
)
from marey.annotation.cluster import in_cluster
from marey.annotation.contradictions import (
    Contradiction,
    contradictions,
    without_contradictions,
)
from marey.annotation.coverage import SlotCoverage, coverage
from marey.annotation.judge_form import JudgeForm
from marey.annotation.judgement import Judgement, Judgements, read_judgements
from marey.annotation.language_model import LanguageModel, LanguageModelError, Reply
from marey.annotation.local_model import LocalModel
from marey.annotation.openai_endpoint import OpenAIEndpoint
from marey.annotation.prompt import (
    PROMPT_VERSION,
    Message,
    first_question,
    follow_up,
    unreadable_follow_up,
)
from marey.annotation.rate_limit import RateLimit

__all__ = [
    "ANSWER_SCHEMA",
    "GEOMETRY",
    "PROMPT_VERSION",
    "Agreement",
    "AnnotatedWindow",
    "Annotation",
    "AnnotationFile",
    "AnnotationReport",
    "Contradiction",
    "JudgeForm",
    "Judgement",
    "Judgements",
    "LanguageModel",
    "LanguageModelAnnotator",
    "LanguageModelError",
    "LocalModel",
    "Message",
    "OpenAIEndpoint",
    "Outcome",
    "Prices",
    "RateLimit",
    "Reply",
    "SlotCoverage",
    "Usage",
    "WindowTask",
    "Workers",
    "agreement",
    "annotate",
    "annotation_path",
    "cohens_kappa",
    "contradictions",
    "coverage",
    "first_question",
    "follow_up",
    "in_cluster",
    "in_threads",
    "log_agreement",
    "measure_window",
    "read_annotations",
    "read_answer",
    "read_judgements",
    "read_part_texts",
    "unreadable_follow_up",
    "without_contradictions",
]
