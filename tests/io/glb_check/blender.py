"""Import a file in Blender, print where the bones are as JSON, and export it again.

Usage: BLENDER_PYTHON blender.py FILE FRAMES RATE [OUT], for a Python that has ``bpy`` (no part of
marey); FILE is .fbx, .glb or .usd, OUT is .fbx or .glb. Positions are metres, Y up; RATE is set
before a file is read, for Blender reads all but FBX at the scene's.
"""

import contextlib
import json
import os
import sys
from pathlib import Path

import bpy


def import_file(path: Path, rate: float) -> None:
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        bpy.ops.wm.read_factory_settings(use_empty=True)
        bpy.context.scene.render.fps = round(rate)
        if path.suffix == ".fbx":
            # The importer of the menu: one in C++ since 4.5, one in Python before.
            new = bpy.app.version >= (4, 5, 0)
            read = bpy.ops.wm.fbx_import if new else bpy.ops.import_scene.fbx
            read(filepath=str(path), anim_offset=0.0)
        elif path.suffix == ".glb":
            bpy.ops.import_scene.gltf(filepath=str(path))
        else:
            bpy.ops.wm.usd_import(filepath=str(path))


def export_file(path: Path, frames: int) -> None:
    """Bake every frame, so that nothing but the format lies between what is in and what is out."""
    bpy.context.scene.frame_start, bpy.context.scene.frame_end = 0, frames - 1
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        if path.suffix == ".glb":
            bpy.ops.export_scene.gltf(filepath=str(path), export_optimize_animation_size=False)
        else:
            own = {"bake_anim_use_all_actions": False, "bake_anim_use_nla_strips": False}
            bpy.ops.export_scene.fbx(
                filepath=str(path), bake_anim_simplify_factor=0.0, add_leaf_bones=False, **own
            )


def main() -> None:
    path, frames, rate = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    import_file(path, rate)
    scene = bpy.context.scene
    armature = next(o for o in bpy.data.objects if o.type == "ARMATURE")
    names = [bone.name for bone in armature.pose.bones]
    positions = []
    for frame in range(frames):
        scene.frame_set(frame)
        heads = (armature.matrix_world @ bone.head for bone in armature.pose.bones)
        positions.append([[x, z, -y] for x, y, z in heads])
    found = {
        "names": names,
        "positions": positions,
        "fps": scene.render.fps / scene.render.fps_base,
        "scale": list(armature.matrix_world.to_scale()),
        "meshes": [o.name for o in bpy.data.objects if o.type == "MESH"],
        "version": bpy.app.version_string,
    }
    if len(sys.argv) > 4:
        export_file(Path(sys.argv[4]), frames)
    sys.stdout.write(json.dumps(found) + "\n")


main()
sys.stdout.flush()
os._exit(0)  # Blender 4.2 as a module crashes while it ends after an export of glTF
