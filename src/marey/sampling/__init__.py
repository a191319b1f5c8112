"""Schedules, samplers and guidance: values and functions that share no state."""

from marey.sampling.ddim import Denoise, ddim_step, sample_ddim, sample_generator, sample_noise
from marey.sampling.guidance import Conditions, Guidance, guidance_rows, guided_denoiser
from marey.sampling.schedule import NoiseSchedule, cosine_schedule

__all__ = [
    "Conditions",
    "Denoise",
    "Guidance",
    "NoiseSchedule",
    "cosine_schedule",
    "ddim_step",
    "guidance_rows",
    "guided_denoiser",
    "sample_ddim",
    "sample_generator",
    "sample_noise",
]
