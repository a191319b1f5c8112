"""Fixtures shared by all tests. None is automatic: a test that draws says so in its signature."""

from pathlib import Path

import pytest
import torch

REPOSITORY = Path(__file__).resolve().parents[1]

# The networks of the tests are tiny: a second thread would cost more than it brings, and the test
# files share the cores already. It also makes sums come out the same on any machine.
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root folder of the repository."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of motion capture data beside the repository; where it is absent, the test skips."""
    folder = REPOSITORY / "../shared/data"
    if not folder.is_dir():
        pytest.skip("the data folder ../shared/data is not beside this checkout")
    return folder.resolve()


@pytest.fixture
def generator() -> torch.Generator:
    """A CPU generator with the same seed in every test; torch's global state is left alone."""
    return torch.Generator().manual_seed(0)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoint folder of a tiny network with random weights and its own sampling defaults."""
    from marey.models import DiffusionModel, save_diffusion_model
    from marey.models.diffusion import Denoiser, DenoiserConfig, StageConfig
    from marey.representations import Normalizer, SmoothRoot
    from marey.skeleton import BODY22
    from marey.text import SLOTS, MiniLMEncoder

    representation = SmoothRoot(skeleton=BODY22, fps=20.0)
    feats = representation.layout.size
    size = StageConfig(width=16, layers=1, heads=2, hidden=16)
    config = DenoiserConfig(
        feats=feats, text_width=384, fps=20.0, root=size, body=size, frames_per_token=4
    )
    denoiser = Denoiser(config).eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    for p in denoiser.parameters():
        p.copy_(0.1 * torch.randn(p.shape, generator=generator))
    model = DiffusionModel(
        name="tiny",
        denoiser=denoiser,
        representation=representation,
        normalizer=Normalizer(mean=torch.zeros(feats), std=torch.ones(feats)),
        text_encoder=MiniLMEncoder.name,
        text_slots=SLOTS,
        notes={"sampling": {"steps": 3, "guidance": {"text": 1.5}}},
    )
    folder = tmp_path_factory.mktemp("model") / "tiny"
    save_diffusion_model(model, folder)
    return folder


@pytest.fixture(scope="session")
def tiny_alignment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """File of a tiny alignment model with random weights that reads MiniLM's states."""
    from marey.models.alignment import Alignment, AlignmentConfig, AlignmentModel, save_alignment
    from marey.representations import JointMotion, Normalizer
    from marey.text import MiniLMEncoder

    feats = JointMotion().layout.size
    size = {"width": 16, "layers": 1, "fine_layers": 1, "decoder_layers": 1, "heads": 2}
    config = AlignmentConfig(
        feats=feats, text_width=384, hidden=32, latent=12, levels=2, dropout=0.0, **size
    )
    network = Alignment(config).eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    for p in network.parameters():
        p.copy_(0.3 * torch.randn(p.shape, generator=generator))
    model = AlignmentModel(
        name="tiny",
        network=network,
        representation=JointMotion(),
        normalizer=Normalizer(mean=torch.zeros(feats), std=torch.ones(feats)),
        text_encoder=f"{MiniLMEncoder.name} {MiniLMEncoder().version}",
    )
    file = tmp_path_factory.mktemp("alignment") / "alignment.safetensors"
    save_alignment(model, file)
    return file
