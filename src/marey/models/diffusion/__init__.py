"""Diffusion denoisers."""

from marey.models.diffusion.config import DenoiserConfig, StageConfig
from marey.models.diffusion.denoiser import Denoiser, DenoiserInput, local_root

__all__ = ["Denoiser", "DenoiserConfig", "DenoiserInput", "StageConfig", "local_root"]
