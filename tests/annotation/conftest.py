"""A local HTTP server that plays a language model, and a small store of real movement."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch

from marey.annotation import Annotation
from marey.data import MotionStore
from marey.data.records import ClipRecord, WindowRecord, WindowText
from marey.data.writer import StoreSpec, StoreWriter
from marey.motion import Motion
from marey.rotations import axis_rotation
from marey.skeleton import BODY22
from marey.text import caption

FPS = 20.0
FRAMES = 60
NUM_WINDOWS = 6


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the server does with one request."""

    text: str = ""
    status: int = 200
    body: str | None = None
    """The whole body, where it is to be no chat completion."""
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    """How long it takes."""
    hangs_up: bool = False


@dataclass
class FakeEndpoint:
    """The server: ``play`` answers a request's body; ``requests`` keeps what was asked."""

    url: str = ""
    answer: type[Answer] = Answer
    """How a test says what to answer."""
    play: Callable[[dict[str, Any]], Answer] = lambda body: Answer()
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    busy: int = 0
    most_busy: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@pytest.fixture
def endpoint() -> Iterator[FakeEndpoint]:
    """A server on 127.0.0.1 for one test."""
    fake = FakeEndpoint()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(fake))
    server.daemon_threads = True
    fake.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield fake
    server.shutdown()
    server.server_close()
    thread.join()


def _handler(fake: FakeEndpoint) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with fake.lock:
                fake.requests.append(body | {"path": self.path})
                fake.keys.append(self.headers.get("Authorization"))
                fake.times.append(time.monotonic())
                fake.busy += 1
                fake.most_busy = max(fake.most_busy, fake.busy)
            try:
                self._answer(fake.play(body))
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the client had no patience left
            finally:
                with fake.lock:
                    fake.busy -= 1

        def _answer(self, answer: Answer) -> None:
            time.sleep(answer.seconds)
            if answer.hangs_up:
                self.close_connection = True
                return
            data = (completion(answer.text) if answer.body is None else answer.body).encode()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    return Handler


def completion(text: str) -> str:
    """A chat completion as OpenAI's endpoint sends it."""
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1000, "completion_tokens": 200}
    return json.dumps({"choices": [choice], "usage": usage})


def waving(frames: int = FRAMES, *, side: str = "right") -> Motion:
    """Someone who raises a hand and waves it."""
    seconds = torch.arange(frames) / FPS
    turns = torch.eye(3).repeat(frames, BODY22.num_joints, 1, 1)
    sign = 1.0 if side == "left" else -1.0
    raised = torch.clamp(seconds * 2, max=1.0)
    for name, angle in {
        f"{side}_shoulder": raised * sign * 1.2 + torch.where(seconds > 1, 0.1, 0.0),
        f"{side}_elbow": sign * 0.5 * torch.sin(10 * seconds) * (seconds > 0.8),
        f"{'left' if side == 'right' else 'right'}_shoulder": torch.full_like(seconds, sign * 1.3),
    }.items():
        turns[:, BODY22.joint_names.index(name)] = axis_rotation("Z", angle)
    root = torch.tensor([0.0, 0.96, 0.0]).repeat(frames, 1)
    return Motion(root_positions=root, local_rotations=turns, fps=FPS, skeleton=BODY22)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> MotionStore:
    """A store of two clips of somebody who waves, with six windows of different lengths."""
    spec = StoreSpec(fps=FPS, skeleton=BODY22, fingerprint="waves", options={})
    writer = StoreWriter.open(tmp_path_factory.mktemp("waves") / "store", spec)
    for clip, side in (("a", "left"), ("b", "right")):
        writer.append(
            clip,
            waving(side=side),
            record=ClipRecord(
                clip_id=clip, shard=0, start=0, length=FRAMES, source_fps=FPS, split="train"
            ),
            windows=[
                WindowRecord(
                    clip_id=clip,
                    start=start,
                    end=FRAMES,
                    split="train",
                    texts=(WindowText(text=f"somebody says hello, {start}", source="user"),),
                )
                for start in (0, 2, 4)
            ],
        )
    return writer.finish()


@pytest.fixture(scope="session")
def good_answer(store: MotionStore) -> str:
    """An answer that follows the schema and contradicts none of the store's motions."""
    content = Annotation.of(caption(store.window_motion(store.windows[0]))).to_json()
    del content["author"]
    content["parts"] = dict.fromkeys(content["parts"], "moves a little")
    content["interactions"] = dict.fromkeys(content["interactions"], "")
    return json.dumps(content | {"global": ["somebody says hello"]})


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A file for annotations."""
    return tmp_path / "annotations.model.jsonl"
