"""Annotation of a store: good and bad answers, failures by reason, what is sent back."""

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from marey.annotation import (
    GEOMETRY,
    Annotation,
    AnnotationReport,
    LanguageModelAnnotator,
    OpenAIEndpoint,
    Prices,
    RateLimit,
    WindowTask,
    annotate,
    in_threads,
    measure_window,
    read_annotations,
)
from marey.annotation.annotator import Outcome
from marey.data import MotionStore
from marey.data.records import WindowText
from marey.skeleton.parts import SLOTS
from marey.text import caption


def run(
    store: MotionStore,
    endpoint: Any,
    out: Path,
    *,
    in_flight: int = 1,
    timeout: float = 5.0,
    model: str = "tiny",
    windows: int | None = None,
    slept: list[float] | None = None,
) -> AnnotationReport:
    asker = LanguageModelAnnotator(
        OpenAIEndpoint(endpoint.url, model, timeout=timeout),
        RateLimit(None),
        sleep=(lambda seconds: None) if slept is None else slept.append,
    )
    return annotate(
        store, out, in_threads(asker, in_flight), windows=store.windows[:windows], prompt="1"
    )


def changed(answer: str, **changes: Any) -> str:
    return json.dumps(json.loads(answer) | changes)


def test_geometry_stands_in_for_a_language_model(store: MotionStore, out: Path) -> None:
    report = annotate(store, out, in_threads(measure_window))
    assert report.is_complete
    assert report.annotated == len(store.windows) == 6
    lines = read_annotations(out)
    for window in store.windows:
        said = Annotation.of(caption(store.window_motion(window)))
        assert lines[window.window_id].annotation == said
        assert said.author == GEOMETRY
        assert len(said.parts) + len(said.interactions) == len(SLOTS) - 1
    before = out.read_bytes()
    again = annotate(store, out, in_threads(measure_window))
    assert (again.annotated, again.known) == (0, 6)
    assert out.read_bytes() == before


def test_another_body_in_the_same_motion_is_measured_anew(store: MotionStore) -> None:
    motion = store.window_motion(store.windows[0])
    body = motion.skeleton
    taller = replace(motion, skeleton=replace(body, rest_offsets=1.5 * body.rest_offsets))
    first = measure_window(WindowTask(window_id="0", motion=motion))
    again = WindowTask(window_id="0", motion=motion, known_key=first.key)
    assert measure_window(again).annotation is None
    assert measure_window(replace(again, motion=taller)).annotation is not None


def test_good_answers_are_kept_and_never_asked_for_twice(
    store: MotionStore, endpoint: Any, good_answer: str, out: Path
) -> None:
    endpoint.play = lambda body: endpoint.answer(text=f"Sure!\n```json\n{good_answer}\n```")
    report = run(store, endpoint, out)
    assert (report.annotated, report.failed, report.usage.requests) == (6, 0, 6)
    assert (report.usage.prompt_tokens, report.usage.answer_tokens) == (6000, 1200)
    assert Prices(prompt=1.0, answer=10.0).of(report.usage) == pytest.approx(0.018)
    for line in read_annotations(out).values():
        assert line.annotation == Annotation.from_answer(json.loads(good_answer), "tiny")
        assert line.prompt == "1"
    asked = [request["messages"][1]["content"] for request in endpoint.requests]
    assert "- somebody says hello, 0" in asked[0]
    again = run(store, endpoint, out)
    assert (again.known, again.usage.requests, len(endpoint.requests)) == (6, 0, 6)


def test_another_model_is_another_question(
    store: MotionStore, endpoint: Any, good_answer: str, out: Path
) -> None:
    endpoint.play = lambda body: endpoint.answer(text=good_answer)
    run(store, endpoint, out, windows=1)
    assert run(store, endpoint, out, windows=1, model="other").annotated == 1
    assert {line.annotation.author for line in read_annotations(out).values()} == {"other"}


@pytest.mark.parametrize("in_flight", [1, 3])
def test_so_many_requests_are_in_flight(
    store: MotionStore, endpoint: Any, good_answer: str, out: Path, in_flight: int
) -> None:
    together = threading.Barrier(in_flight)

    def play(body: dict[str, Any]) -> Any:
        together.wait(timeout=20)  # breaks, and fails the test, unless so many come at a time
        return endpoint.answer(text=good_answer)

    endpoint.play = play
    assert run(store, endpoint, out, in_flight=in_flight, timeout=30.0).annotated == 6
    assert endpoint.most_busy == in_flight


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        ("I would rather not.", "expected JSON"),
        ('{"global": ["hello"]}', "annotation.parts: expected an object"),
        ("{" * 5, "expected JSON"),
    ],
)
def test_an_unreadable_answer_is_sent_back_once(
    store: MotionStore, endpoint: Any, good_answer: str, out: Path, bad: str, complaint: str
) -> None:
    answers = iter([bad, good_answer])
    endpoint.play = lambda body: endpoint.answer(text=next(answers))
    report = run(store, endpoint, out, windows=1)
    assert (report.annotated, report.sent_back) == (1, {"unreadable": 1})
    first, second = (request["messages"] for request in endpoint.requests)
    assert second[: len(first)] == first
    assert second[-2] == {"role": "assistant", "content": bad}
    assert complaint in second[-1]["content"]


@pytest.mark.parametrize(
    ("bad", "reason"), [("no", "not JSON"), ('{"global": []}', "wrong schema")]
)
def test_a_window_without_a_readable_answer_is_left_for_the_next_run(
    store: MotionStore, endpoint: Any, good_answer: str, out: Path, bad: str, reason: str
) -> None:
    windows = [window.window_id for window in store.windows[:2]]
    endpoint.play = lambda body: endpoint.answer(text=bad)
    report = run(store, endpoint, out, windows=2)
    assert report.failures == {reason: windows}
    assert bad in report.examples[reason] or "global" in report.examples[reason]
    assert report.usage.requests == 4
    assert not report.is_complete
    assert read_annotations(out) == {}
    endpoint.play = lambda body: endpoint.answer(text=good_answer)
    assert run(store, endpoint, out, windows=2).annotated == 2


def test_a_contradiction_is_sent_back_and_corrected(
    store: MotionStore, endpoint: Any, good_answer: str, out: Path
) -> None:
    answers = iter([changed(good_answer, **{"global": ["a person kicks"]}), good_answer])
    endpoint.play = lambda body: endpoint.answer(text=next(answers))
    report = run(store, endpoint, out, windows=1)
    assert (report.sent_back, report.dropped) == ({"contradiction": 1}, {})
    assert (
        '- global: "a person kicks" claims "kicks"'
        in endpoint.requests[1]["messages"][-1]["content"]
    )
    (line,) = read_annotations(out).values()
    assert line.annotation.body == ("somebody says hello",)


@pytest.mark.parametrize("second", ["the same again", "nonsense", "an error"])
def test_a_stubborn_contradiction_is_replaced_by_what_was_measured(
    store: MotionStore, endpoint: Any, good_answer: str, out: Path, second: str
) -> None:
    parts = json.loads(good_answer)["parts"] | {"left_leg": "kicks forward"}
    wrong = changed(good_answer, parts=parts)
    replies = {
        "the same again": endpoint.answer(text=wrong),
        "nonsense": endpoint.answer(text="?"),
        "an error": endpoint.answer(status=400),
    }
    answers = iter([endpoint.answer(text=wrong), replies[second]])
    endpoint.play = lambda body: next(answers)
    report = run(store, endpoint, out, windows=1)
    assert (report.annotated, report.dropped) == (1, {"left_leg": 1})
    (line,) = read_annotations(out).values()
    measured = Annotation.of(caption(store.window_motion(store.windows[0])))
    assert line.annotation.parts["left_leg"] == measured.parts["left_leg"]
    assert line.annotation.parts["head"] == "moves a little"
    assert line.annotation.dropped == {"left_leg": "kicks forward"}


def test_passing_failures_are_tried_again_with_patience(
    store: MotionStore, endpoint: Any, good_answer: str, out: Path
) -> None:
    answers = iter([{"status": 500}, {"status": 429}, {"hangs_up": True}, {"text": good_answer}])
    endpoint.play = lambda body: endpoint.answer(**next(answers))
    slept: list[float] = []
    report = run(store, endpoint, out, windows=1, slept=slept)
    assert (report.annotated, report.usage.requests) == (1, 4)
    assert slept == [1.0, 2.0, 4.0]


def test_a_busy_server_is_left_alone_as_long_as_it_asks(
    store: MotionStore, endpoint: Any, good_answer: str, out: Path
) -> None:
    answers = iter([{"status": 429, "headers": {"Retry-After": "0.3"}}, {"text": good_answer}])
    endpoint.play = lambda body: endpoint.answer(**next(answers))
    assert run(store, endpoint, out, windows=1).annotated == 1
    first, second = endpoint.times
    assert second - first >= 0.3


@pytest.mark.parametrize(
    ("answer", "reason", "requests"),
    [
        ({"status": 429}, "HTTP 429", 4),
        ({"status": 500}, "HTTP 500", 4),
        ({"seconds": 0.4}, "timeout", 4),
        ({"hangs_up": True}, "no connection", 4),
        ({"status": 401}, "HTTP 401", 1),
        ({"status": 429, "headers": {"Retry-After": "3600"}}, "HTTP 429", 1),
    ],
)
def test_failures_are_counted_by_reason(
    store: MotionStore,
    endpoint: Any,
    out: Path,
    answer: dict[str, Any],
    reason: str,
    requests: int,
) -> None:
    endpoint.play = lambda body: endpoint.answer(**answer)
    report = run(store, endpoint, out, windows=1, timeout=0.2)
    assert report.failures == {reason: [store.windows[0].window_id]}
    assert report.usage.requests == requests
    assert read_annotations(out) == {}


def test_a_dead_server_is_not_asked_for_every_window(
    store: MotionStore, endpoint: Any, out: Path
) -> None:
    endpoint.play = lambda body: endpoint.answer(status=403)
    many = [replace(window, end=window.end - cut) for window in store.windows for cut in range(4)]
    asker = LanguageModelAnnotator(OpenAIEndpoint(endpoint.url, "tiny"), RateLimit(None))
    report = annotate(store, out, in_threads(asker), windows=many)
    assert (report.failed, report.done, report.total) == (10, 10, 24)
    assert report.to_json()["left"] == 14
    assert 10 <= len(endpoint.requests) <= 11


def test_an_answer_on_its_way_is_kept_when_a_run_stops(store: MotionStore, out: Path) -> None:
    many = [replace(window, end=window.end - cut) for window in store.windows for cut in range(4)]
    has_failed_often = threading.Event()

    def annotator(task: WindowTask) -> Outcome:
        if task.window_id != many[0].window_id:
            return Outcome(window_id=task.window_id, key="", failure="dead")
        assert has_failed_often.wait(timeout=60)
        return measure_window(task)

    def listen(report: AnnotationReport) -> None:
        if report.failed == 10:
            has_failed_often.set()

    report = annotate(store, out, in_threads(annotator, 2), windows=many, listen=listen)
    assert (report.failed, report.annotated, report.total) == (10, 1, 24)
    assert list(read_annotations(out)) == [many[0].window_id]


def test_progress_tells_windows_and_cost(
    store: MotionStore, endpoint: Any, good_answer: str, out: Path
) -> None:
    endpoint.play = lambda body: endpoint.answer(text=good_answer)
    asker = LanguageModelAnnotator(OpenAIEndpoint(endpoint.url, "tiny"), RateLimit(None))
    told: list[tuple[int, int, int]] = []
    annotate(
        store,
        out,
        in_threads(asker),
        listen=lambda report: told.append((report.done, report.total, report.usage.prompt_tokens)),
    )
    assert told == [(n, 6, 1000 * n) for n in range(1, 7)]


def test_windows_of_the_same_frames_are_one_question_with_all_that_was_written(
    store: MotionStore, endpoint: Any, good_answer: str, out: Path
) -> None:
    endpoint.play = lambda body: endpoint.answer(text=good_answer)
    first = store.windows[0]
    texts = (WindowText(text="it was Monday", source="user"), *first.texts)
    asker = LanguageModelAnnotator(OpenAIEndpoint(endpoint.url, "tiny"), RateLimit(None))
    windows = [first, replace(first, texts=texts)]
    for done in ((1, 0), (0, 1)):
        report = annotate(store, out, in_threads(asker), windows=windows)
        assert (report.annotated, report.known, report.total) == (*done, 1)
    (request,) = endpoint.requests
    asked = request["messages"][-1]["content"]
    assert asked.count("somebody says hello, 0") == asked.count("it was Monday") == 1


def test_every_request_waits_for_its_turn(
    store: MotionStore, endpoint: Any, good_answer: str, out: Path
) -> None:
    slept: list[float] = []
    now = [0.0]

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    answers = iter([{"status": 500}, {"text": "no JSON"}, *[{"text": good_answer}] * 2])
    endpoint.play = lambda body: endpoint.answer(**next(answers))
    limit = RateLimit(12.0, clock=lambda: now[0], sleep=sleep)
    asker = LanguageModelAnnotator(OpenAIEndpoint(endpoint.url, "tiny"), limit, sleep=sleep)
    report = annotate(store, out, in_threads(asker), windows=store.windows[:2])
    assert (report.annotated, report.usage.requests) == (2, 4)
    assert now[0] == 15.0  # 12 a minute: a turn every 5 s, second tries and corrections too
    assert slept == [1.0, 4.0, 5.0, 5.0]
