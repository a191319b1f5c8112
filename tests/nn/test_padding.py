import torch

from marey.nn import padded


def test_sequences_are_padded_at_their_ends() -> None:
    sequences = [torch.randn(length, 3) for length in (2, 5, 1)]
    values, mask = padded(sequences)
    assert values.shape == (3, 5, 3)
    assert mask.sum(1).tolist() == [2, 5, 1]
    for row, each in enumerate(sequences):
        assert torch.equal(values[row][mask[row]], each)
    assert torch.equal(values[~mask], torch.zeros(7, 3))
