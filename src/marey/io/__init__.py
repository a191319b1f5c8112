"""Motion files in and out; foreign conventions are converted here and nowhere else."""

from marey.io.atomic import atomic_path
from marey.io.bvh import read_bvh, write_bvh
from marey.io.files import READ_SUFFIXES, WRITE_SUFFIXES, load_motion, save_motion
from marey.io.npz import read_npz, write_npz

__all__ = [
    "READ_SUFFIXES",
    "WRITE_SUFFIXES",
    "atomic_path",
    "load_motion",
    "read_bvh",
    "read_npz",
    "save_motion",
    "write_bvh",
    "write_npz",
]
