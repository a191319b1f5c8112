"""Training speed: steps and samples a second, and achieved FLOP/s as a share of the peak.

    python benchmarks/train.py [--recipe small] [--batch-size 32] [--seconds 5] [--steps 20]

Data are made up, of one length, so that no time goes into reading or padding. The FLOP count of a
step is that of the products of matrices alone, forward and backward:

    6 x parameters that multiply tokens x tokens, + 12 x layers x width x tokens squared, a sample

(2 FLOP a multiply-add; the backward pass costs twice the forward one), where tokens are those of
text, registers, step, heading and motion. The peak is that of one large product of matrices,
measured in the same run with the same number of threads and the same precision. bfloat16 is
measured only where a device has units for it: CUDA, and CPUs with AMX tiles.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from marey.data import ClipRecord, StoreSpec, StoreWriter, WindowRecord, WindowText
from marey.data.bank import FeatureBank
from marey.motion import BODY22_LIMITS, Motion
from marey.representations import SmoothRoot
from marey.skeleton import BODY22
from marey.text import MiniLMEncoder
from marey.training import RunFolder, TrainConfig, Trainer, recipe

FPS = 20.0
TEXT = "a person walks forward, turns to the left and waves with the right hand"


@dataclass(frozen=True, kw_only=True)
class Result:
    """One row of the table."""

    precision: str
    step_seconds: float
    batch_size: int
    flop: float
    """Of one step."""
    peak: float
    """FLOP/s of a large product of matrices."""


def made_up_bank(folder: Path, *, seconds: float, device: torch.device) -> FeatureBank:
    """One clip of a wandering body, one text."""
    generator = torch.Generator().manual_seed(0)
    frames = round(seconds * FPS)
    motion = Motion(
        root_positions=0.02 * torch.randn(frames, 3, generator=generator).cumsum(0),
        local_rotations=torch.eye(3).repeat(frames, BODY22.num_joints, 1, 1),
        fps=FPS,
        skeleton=BODY22,
    )
    spec = StoreSpec(fps=FPS, skeleton=BODY22, fingerprint="benchmark", options={})
    writer = StoreWriter.open(folder, spec)
    record = ClipRecord(clip_id="a", shard=0, start=0, length=frames, source_fps=FPS, split="train")
    texts = (WindowText(text=TEXT, source="user"),)
    window = WindowRecord(clip_id="a", start=0, end=frames, split="train", texts=texts)
    writer.append("a", motion, record=record, windows=(window,))
    representation = SmoothRoot(skeleton=BODY22, fps=FPS, contact_limits=BODY22_LIMITS)
    return FeatureBank(
        writer.finish(),
        [window],
        representation,
        MiniLMEncoder(),
        device=device,
        max_seconds=seconds,
    )


def flop_of_step(trainer: Trainer, config: TrainConfig) -> float:
    """FLOP of the products of matrices of one training step."""
    batch = trainer.bank.batch(0, size=1, seed=0, text_dropout=0.0)
    motion = -(-batch.mask.shape[1] // config.frames_per_token)
    words = batch.text.mask.shape[1]
    tokens = words + config.registers + 2 + motion
    total = 0.0
    stages = {"root_stage": config.root, "body_stage": config.body}
    for name, stage in trainer.denoiser.named_children():
        size = stages[name]
        total += 12 * size.layers * size.width * tokens**2
        for part, module in stage.named_modules():
            if isinstance(module, nn.Linear) and "resampler" not in part:
                seen = {"text": words, "embe": motion, "out": motion, "step": 1, "head": 1}
                total += 6 * module.weight.numel() * seen.get(part[:4], tokens)
    return total * config.batch_size


def peak_flops(device: torch.device, dtype: torch.dtype) -> float:
    """FLOP/s of the best of several products of large square matrices."""
    size = 8192 if device.type == "cuda" else 2048
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    best = min(timed(lambda: a @ b, device) for _ in range(6))
    return 2 * size**3 / best


def timed(call: Callable[[], object], device: torch.device) -> float:
    """Seconds that a call takes, on the device's own clock where it has a queue."""
    start = time.perf_counter()
    call()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def measure(
    config: TrainConfig, precision: str, *, seconds: float, steps: int, device: torch.device
) -> Result:
    """Time training steps; the first three do not count."""
    config = replace(config, precision=precision)
    with tempfile.TemporaryDirectory() as folder:
        bank = made_up_bank(Path(folder) / "store", seconds=seconds, device=device)
        run = RunFolder(Path(folder) / "run")
        run.open(config, fingerprint="benchmark")
        trainer = Trainer(config, bank, run, text_encoder=MiniLMEncoder.name)
        times = []
        for _ in range(steps + 3):
            times.append(timed(lambda: trainer.loop.step(trainer.step_losses, 1e-4), device))
            trainer.loop.clock.step += 1
        run.close()
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    return Result(
        precision=precision,
        step_seconds=float(torch.tensor(times[3:]).median()),
        batch_size=config.batch_size,
        flop=flop_of_step(trainer, config),
        peak=peak_flops(device, dtype),
    )


def table(results: list[Result]) -> str:
    """Return the results in Markdown."""
    lines = [
        "| precision | steps/s | samples/s | GFLOP a step | GFLOP/s | peak GFLOP/s | share |",
        "|---|---|---|---|---|---|---|",
    ]
    for r in results:
        speed = r.flop / r.step_seconds
        lines.append(
            f"| {r.precision} | {1 / r.step_seconds:.2f} | {r.batch_size / r.step_seconds:.1f} "
            f"| {r.flop / 1e9:.0f} | {speed / 1e9:.0f} | {r.peak / 1e9:.0f} "
            f"| {100 * speed / r.peak:.0f} % |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure every precision that pays here and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--recipe", default="small")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of every sample")
    parser.add_argument("--steps", type=int, default=20, help="steps that are timed")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    chosen = parser.parse_args()
    device = torch.device(chosen.device)
    config = replace(recipe(chosen.recipe), batch_size=chosen.batch_size)
    pays = device.type == "cuda" or bool(torch.cpu._is_amx_tile_supported())
    results = [
        measure(config, precision, seconds=chosen.seconds, steps=chosen.steps, device=device)
        for precision in ("float32", *(("bfloat16",) if pays else ()))
    ]
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    print(
        f"Recipe {config.name}, batch {config.batch_size} × {chosen.seconds:g} s, {name}, "
        f"{torch.get_num_threads()} threads, torch {torch.__version__}; median of {chosen.steps} "
        "steps.\n"
    )
    print(table(results))
    if not pays:
        print("\nbfloat16 not measured: this CPU has no AMX tiles.")


if __name__ == "__main__":
    main()
