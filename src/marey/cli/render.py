"""``marey render``: a picture, an animation or a video of a motion file."""

from typing import Literal

from marey.cli.arguments import InputFile, Outputs, check_outputs
from marey.cli.motion_files import AS_IS, Reading, read_motion

View = Literal["three-quarter", "front", "side"]


def render(
    file: InputFile,
    output: Outputs = (),
    *,
    size: tuple[int, int] | None = None,
    fps: float | None = None,
    view: View = "three-quarter",
    caption: str | None = None,
    reading: Reading = AS_IS,
    force: bool = False,
) -> None:
    """Draw a motion: .png is a contact sheet, .webp and .gif are animations, .mp4 is a video.

    Args:
        file: Motion to read.
        output: File to write; may be given more than once.
        size: Width and height of a frame (or of one pose of a contact sheet), pixels.
        fps: Frame rate of animations; 20, or the motion's own if that is lower.
        view: Where the camera stands.
        caption: Text of the caption; the motion's own text if not given, "" for none.
        reading: How to read FILE.
        force: Overwrite files that exist.
    """
    from rich.console import Console
    from rich.progress import Progress

    from marey.io.render import PREVIEW_SUFFIXES, render_file

    check_outputs(output, PREVIEW_SUFFIXES, force=force)
    motion = read_motion(file, reading)
    text = motion.metadata.get("text") if caption is None else caption
    with Progress(console=Console(stderr=True), transient=True) as bars:
        for path in output:
            bar = bars.add_task(path.name, total=None)
            render_file(
                motion,
                path,
                force=force,
                size=size,
                fps=None if path.suffix.lower() == ".png" else fps,
                view=view,
                caption=str(text) if text else None,
                progress=lambda done, total, bar=bar: bars.update(bar, completed=done, total=total),
            )
    for path in output:
        print(path)
