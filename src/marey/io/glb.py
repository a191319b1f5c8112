"""GLB: binary glTF 2.0 with a skinned body and one animation, for engines, Blender and browsers.

glTF shares marey's axes and units (right-handed, Y up, +Z forward, metres, seconds); only its
quaternions differ: ``xyzw``. The nodes hold the rest pose, standing on the ground, so that a
program that reads the file sees the T-pose, and the animation holds every frame, or the keys of
every track that ``reduce_keyframes`` left, at ``frame / fps`` seconds. Source: Khronos, glTF 2.0
specification, revision 2.0.1.
"""

from pathlib import Path

import numpy as np
import pygltflib
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from marey import __version__, rotations
from marey.io.atomic import atomic_path
from marey.io.notes import notes_of
from marey.io.stick_body import SIDE_COLOURS, octahedra, standing_positions, stick_bones
from marey.motion import Motion
from marey.motion.keyframe_reduction import KeyframeReduction, every_frame
from marey.skeleton import Skeleton

_COMPONENTS = {
    np.dtype(np.float32): pygltflib.FLOAT,
    np.dtype(np.uint16): pygltflib.UNSIGNED_SHORT,
    np.dtype(np.uint8): pygltflib.UNSIGNED_BYTE,
}


def write_glb(motion: Motion | KeyframeReduction, path: str | Path, *, force: bool = False) -> None:
    """Write a motion as a GLB file; an existing file is kept unless ``force`` is given.

    With what ``reduce_keyframes`` returns only its keys are written: a smaller file.
    Raises InvalidInputError if the file exists and ``force`` is False.
    """
    content = glb_bytes(motion)
    with atomic_path(path, force=force) as temporary:
        temporary.write_bytes(content)


def glb_bytes(motion: Motion | KeyframeReduction) -> bytes:
    """Return the content of a GLB file: joints, a solid body skinned to them, the animation.

    Frame rate, frame count, skeleton and the notes ``text`` and ``seed`` of the motion's
    metadata are in the scene's ``extras``.
    """
    keys = motion if isinstance(motion, KeyframeReduction) else every_frame(motion)
    motion = keys.motion
    rest = standing_positions(motion.skeleton)
    file = _File()
    file.add_joints(motion.skeleton, rest)
    file.add_body(motion.skeleton, rest)
    file.add_animation(keys)
    file.add_scene(motion)
    return file.content()


class _File:
    """A glTF document under construction: its tables and its binary chunk."""

    def __init__(self) -> None:
        self.gltf = pygltflib.GLTF2(
            asset=pygltflib.Asset(version="2.0", generator=f"marey {__version__}")
        )
        self.binary = bytearray()

    def content(self) -> bytes:
        """Return the finished file."""
        self.gltf.buffers = [pygltflib.Buffer(byteLength=len(self.binary))]
        self.gltf.set_binary_blob(bytes(self.binary))
        return b"".join(self.gltf.save_to_bytes())

    def add_accessor(
        self,
        values: Shaped[np.ndarray, "rows *columns"],
        shape: str,
        *,
        vertices: bool = False,
        bounds: bool = False,
        normalized: bool = False,
    ) -> int:
        """Append an array to the binary chunk and return the index of its accessor.

        ``normalized`` bytes stand for 0 to 1.
        """
        data = np.ascontiguousarray(values)
        start = len(self.binary)
        self.binary += data.tobytes()
        self.binary += bytes(-len(self.binary) % 4)
        self.gltf.bufferViews.append(
            pygltflib.BufferView(
                buffer=0,
                byteOffset=start,
                byteLength=data.nbytes,
                target=pygltflib.ARRAY_BUFFER if vertices else None,
            )
        )
        rows = data.reshape(len(data), -1)
        self.gltf.accessors.append(
            pygltflib.Accessor(
                bufferView=len(self.gltf.bufferViews) - 1,
                componentType=_COMPONENTS[data.dtype],
                count=len(data),
                type=shape,
                normalized=normalized,
                min=rows.min(0).tolist() if bounds else None,
                max=rows.max(0).tolist() if bounds else None,
            )
        )
        return len(self.gltf.accessors) - 1

    def add_joints(self, skeleton: Skeleton, rest: Float[Tensor, "joints 3"]) -> None:
        """Add one node per joint, in the skeleton's order, and the skin that binds to them."""
        steps = rest.clone()
        steps[1:] -= rest[list(skeleton.parents[1:])]
        self.gltf.nodes = [
            pygltflib.Node(name=name, translation=step, children=list(children))
            for name, step, children in zip(
                skeleton.joint_names, steps.tolist(), skeleton.children, strict=True
            )
        ]
        for joint in {joint for joint, _ in skeleton.end_sites}:  # notes: glTF has no such thing
            tips = [list(tip) for owner, tip in skeleton.end_sites if owner == joint]
            self.gltf.nodes[joint].extras = {"tips": tips}
        inverse = torch.eye(4).repeat(skeleton.num_joints, 1, 1)
        inverse[:, :3, 3] = -rest
        columns = inverse.transpose(-1, -2).numpy()  # glTF stores matrices by column
        matrices = self.add_accessor(columns, pygltflib.MAT4)
        joints = list(range(skeleton.num_joints))
        self.gltf.skins.append(
            pygltflib.Skin(
                name=skeleton.name, inverseBindMatrices=matrices, skeleton=0, joints=joints
            )
        )

    def add_body(self, skeleton: Skeleton, rest: Float[Tensor, "joints 3"]) -> None:
        """Add the mesh of one octahedron per bone, rigidly bound, and the node that shows it."""
        owners, sides, tips = stick_bones(skeleton)
        corners, normals = octahedra(tips)
        corners += rest.numpy()[owners][:, None]
        mesh = pygltflib.Mesh(name=f"{skeleton.name} body")
        for side, colour in SIDE_COLOURS.items():
            if not (chosen := sides == side).any():
                continue
            mesh.primitives.append(
                self._primitive(corners[chosen], normals[chosen], owners[chosen], side, colour)
            )
        self.gltf.meshes.append(mesh)
        # A skinned mesh stands at the top of the scene: its own transform would be ignored.
        self.gltf.nodes.append(pygltflib.Node(name=mesh.name, mesh=0, skin=0))

    def _primitive(
        self,
        corners: Float[np.ndarray, "bones corners 3"],
        normals: Float[np.ndarray, "bones corners 3"],
        owners: Int[np.ndarray, " bones"],
        side: str,
        colour: tuple[float, float, float],
    ) -> pygltflib.Primitive:
        """Add the bones of one side, each bound to its joint, with a material of their own."""
        joints = np.zeros((*corners.shape[:2], 4), np.uint8 if owners.max() < 256 else np.uint16)
        joints[..., 0] = owners[:, None]
        weights = np.zeros(joints.shape, np.uint8)
        weights[..., 0] = 255
        paint = pygltflib.PbrMetallicRoughness(
            baseColorFactor=[*colour, 1.0], metallicFactor=0.0, roughnessFactor=0.7
        )
        material = pygltflib.Material(
            name=side, pbrMetallicRoughness=paint, alphaMode=None, alphaCutoff=None
        )
        self.gltf.materials.append(material)
        return pygltflib.Primitive(
            attributes=pygltflib.Attributes(
                POSITION=self.add_accessor(
                    corners.reshape(-1, 3), "VEC3", vertices=True, bounds=True
                ),
                NORMAL=self.add_accessor(normals.reshape(-1, 3), "VEC3", vertices=True),
                JOINTS_0=self.add_accessor(joints.reshape(-1, 4), "VEC4", vertices=True),
                WEIGHTS_0=self.add_accessor(
                    weights.reshape(-1, 4), "VEC4", vertices=True, normalized=True
                ),
            ),
            material=len(self.gltf.materials) - 1,
        )

    def add_animation(self, keys: KeyframeReduction) -> None:
        """Add one animation: the root's translation and the rotation of every joint."""
        motion, animation = keys.motion, pygltflib.Animation(name="motion")
        times: dict[bytes, int] = {}

        def add_channel(
            node: int, path: str, frames: Tensor, values: np.ndarray, shape: str
        ) -> None:
            seconds = (frames.numpy() / motion.fps).astype(np.float32)
            if (content := seconds.tobytes()) not in times:
                times[content] = self.add_accessor(seconds, "SCALAR", bounds=True)
            sampler = pygltflib.AnimationSampler(
                input=times[content],
                output=self.add_accessor(values, shape),
                interpolation="LINEAR",
            )
            animation.samplers.append(sampler)
            target = pygltflib.AnimationChannelTarget(node=node, path=path)
            index = len(animation.samplers) - 1
            animation.channels.append(pygltflib.AnimationChannel(sampler=index, target=target))

        way = motion.root_positions[keys.root_keys].float().numpy()
        add_channel(0, "translation", keys.root_keys, way, "VEC3")
        for joint, frames in enumerate(keys.joint_keys):
            turns = _continuous_quaternions(motion.local_rotations[frames, joint])
            add_channel(joint, "rotation", frames, turns, "VEC4")
        self.gltf.animations.append(animation)

    def add_scene(self, motion: Motion) -> None:
        """Add the scene: the root joint, the body, and what the motion says of itself."""
        notes = notes_of(motion.metadata)
        facts = {"fps": motion.fps, "frames": motion.num_frames, "skeleton": motion.skeleton.name}
        body = len(self.gltf.nodes) - 1
        scene = pygltflib.Scene(name="motion", nodes=[0, body], extras={**facts, **notes})
        self.gltf.scenes.append(scene)
        self.gltf.scene = 0


def _continuous_quaternions(matrices: Float[Tensor, "keys 3 3"]) -> Float[np.ndarray, "keys 4"]:
    """Return unit quaternions ``xyzw`` that never jump to the other hemisphere between keys."""
    wxyz = rotations.continuous_quaternions(rotations.matrix_to_quaternion(matrices.double()))
    return torch.nn.functional.normalize(wxyz.roll(-1, dims=-1), dim=-1).float().numpy()
