"""Motion files in and out; foreign conventions are converted here and nowhere else."""

from marey.io.atomic import atomic_path
from marey.io.bvh import read_bvh, write_bvh

__all__ = ["atomic_path", "read_bvh", "write_bvh"]
