"""Schedules, samplers and guidance: values and functions that share no state."""

from marey.sampling.ddim import Denoise, ddim_step, sample_ddim, sample_generator, sample_noise
from marey.sampling.guidance import Conditions, Guidance, guidance_rows, guided_denoiser
from marey.sampling.sampler import SampleSpec, sample_features
from marey.sampling.schedule import NoiseSchedule, cosine_schedule, shifted

__all__ = [
    "Conditions",
    "Denoise",
    "Guidance",
    "NoiseSchedule",
    "SampleSpec",
    "cosine_schedule",
    "ddim_step",
    "guidance_rows",
    "guided_denoiser",
    "sample_ddim",
    "sample_features",
    "sample_generator",
    "sample_noise",
    "shifted",
]
