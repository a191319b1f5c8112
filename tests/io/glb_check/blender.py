"""Import an FBX or GLB file in Blender and print where the bones are, as JSON.

Usage: BLENDER_PYTHON blender.py FILE FRAMES RATE, for a Python that has ``bpy`` (no part of marey).
Positions are metres, Y up; RATE is set before a GLB is read, for Blender reads it at the scene's.
"""

import contextlib
import json
import os
import sys
from pathlib import Path

import bpy


def main() -> None:
    path, frames, rate = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        bpy.ops.wm.read_factory_settings(use_empty=True)
        if path.suffix == ".fbx":
            # The importer of the menu: one in C++ since 4.5, one in Python before.
            new = bpy.app.version >= (4, 5, 0)
            read = bpy.ops.wm.fbx_import if new else bpy.ops.import_scene.fbx
            read(filepath=str(path), anim_offset=0.0)
        else:
            bpy.context.scene.render.fps = round(rate)
            bpy.ops.import_scene.gltf(filepath=str(path))
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
    sys.stdout.write(json.dumps(found) + "\n")


main()
