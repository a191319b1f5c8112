import torch

from marey.postprocess.stance import runs_of, steady_contacts

FPS = 20.0


def channel(text: str) -> torch.Tensor:
    """Contacts of the left heel, one letter a frame; the other joints never touch."""
    contacts = torch.zeros(len(text), 4, dtype=torch.bool)
    contacts[:, 0] = torch.tensor([letter == "x" for letter in text])
    return contacts


def steadied(text: str) -> str:
    return "".join("x" if on else "." for on in steady_contacts(channel(text), FPS)[:, 0])


def test_short_breaks_close_and_short_contacts_go() -> None:
    assert steadied("..xxxx..xxxx....") == "..xxxxxxxxxx...."
    assert steadied("....x......xxxx.") == "...........xxxx."
    assert steadied("..xxxx.....xxxx.") == "..xxxx.....xxxx."


def test_it_settles_at_once() -> None:
    generator = torch.Generator().manual_seed(0)
    contacts = torch.rand(200, 4, generator=generator) < 0.6
    once = steady_contacts(contacts, FPS)
    assert torch.equal(steady_contacts(once, FPS), once)


def test_the_frame_after_the_last_label_stands_too() -> None:
    (run,) = runs_of(channel("..xxx....."))
    assert (run.channel, run.start, run.end) == (0, 2, 6)
    (run,) = runs_of(channel(".......xxx"))
    assert (run.start, run.end) == (7, 10)
