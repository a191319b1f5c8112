"""BVH: parity with scipy on real files, round trips, odd but valid files, and faults told."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from marey import rotations
from marey.errors import FileFormatError, InvalidInputError
from marey.io import read_bvh, write_bvh
from marey.motion import Motion
from marey.skeleton import BODY22, Roles, Skeleton

ROTATIONS = "Zrotation Xrotation Yrotation"
HEADER = f"""HIERARCHY
ROOT Hips
{{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition {ROTATIONS}
  JOINT Spine
  {{
    OFFSET 0 60 0
    CHANNELS 3 Xrotation Yrotation Zrotation
    End Site
    {{
      OFFSET 0 80 0
    }}
  }}
}}
"""
MOTION = """MOTION
Frames: 2
Frame Time: 0.0333333
1 90 2 10 20 30 1 2 3
2 91 3 11 21 31 4 5 6
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "clip.bvh"
    path.write_bytes(text.encode())
    return path


def scipy_positions(path: Path) -> dict[str, np.ndarray]:
    """World positions of all joints in file units: scipy and nothing of marey."""
    text, motion = path.read_text().split("MOTION")
    values = np.array([line.split() for line in motion.strip().splitlines()[2:]], dtype=float)
    found: dict[str, np.ndarray] = {}
    turns: dict[str, Rotation] = {}
    stack: list[str] = []
    column = 0
    for words in (line.split() for line in text.splitlines() if line.strip()):
        match words[0]:
            case "ROOT" | "JOINT" | "End":
                stack.append(words[1] if words[0] != "End" else "")
            case "}":
                stack.pop()
            case "OFFSET":
                offset = np.array(words[1:], dtype=float)
            case "CHANNELS":
                name, names = stack[-1], words[2:]
                data = values[:, column : column + len(names)]
                column += len(names)
                order = "".join(n[0] for n in names if "rot" in n)
                local = Rotation.from_euler(order, data[:, -3:], degrees=True)
                if len(stack) == 1:
                    found[name], turns[name] = data[:, :3], local
                else:
                    found[name] = found[stack[-2]] + turns[stack[-2]].apply(offset)
                    turns[name] = turns[stack[-2]] * local
    return found


def test_forward_kinematics_agree_with_scipy(shared_data: Path) -> None:
    files = sorted((shared_data / "bvh_cmu").glob("*.bvh"))
    assert len(files) == 9
    for file in files:
        motion = read_bvh(file)
        expected = scipy_positions(file)
        assert list(expected) == list(motion.skeleton.joint_names)
        truth = np.stack(list(expected.values()), axis=1) / 100
        assert np.abs(motion.joint_positions.numpy() - truth).max() < 1e-4
        assert motion.fps == 120


def test_daz_names_are_understood(shared_data: Path) -> None:
    skeleton = read_bvh(shared_data / "bvh_cmu" / "09_01.bvh").skeleton
    assert skeleton.roles == Roles(
        left_hip="lThigh",
        right_hip="rThigh",
        left_hand="lHand",
        right_hand="rHand",
        left_heel="lFoot",
        left_toe="lFoot",  # no toe joint: the foot plays both
        right_heel="rFoot",
        right_toe="rFoot",
        head="head",
    )
    assert skeleton.mirror[skeleton.index("lIndex2")] == skeleton.index("rIndex2")
    assert skeleton.mirror[skeleton.index("chest")] == skeleton.index("chest")
    assert skeleton.parts[skeleton.index("rThumb2")] == "right_arm"
    assert skeleton.parts[skeleton.index("lButtock")] == "left_leg"
    assert len(skeleton.end_sites) == 14


def random_motion(skeleton: Skeleton, generator: torch.Generator, frames: int = 7) -> Motion:
    vectors = torch.randn(frames, skeleton.num_joints, 3, generator=generator)
    return Motion(
        root_positions=torch.randn(frames, 3, generator=generator) * 3,
        local_rotations=rotations.rotation_vector_to_matrix(vectors),
        fps=30.0,
        skeleton=skeleton,
    )


@pytest.mark.parametrize("unit", ["cm", "m"])
@pytest.mark.parametrize("order", ["XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX"])
def test_round_trip(tmp_path: Path, generator: torch.Generator, unit: str, order: str) -> None:
    motion = random_motion(BODY22, generator)
    write_bvh(motion, tmp_path / "a.bvh", unit=unit, order=order)  # type: ignore[arg-type]
    back = read_bvh(tmp_path / "a.bvh")
    assert_same(back, motion)


def assert_same(back: Motion, motion: Motion) -> None:
    take = [back.skeleton.index(name) for name in motion.skeleton.joint_names]
    assert back.fps == motion.fps
    assert (back.root_positions - motion.root_positions).abs().max() < 1e-5
    assert (back.joint_positions[:, take] - motion.joint_positions).abs().max() < 1e-5
    turned = rotations.geodesic_distance(
        back.local_rotations[:, take].double(), motion.local_rotations.double()
    )
    assert turned.rad2deg().max() < 1e-4


def test_round_trip_keeps_angles_at_gimbal_lock(tmp_path: Path) -> None:
    near = torch.tensor([90, 90 - 1e-5, 90 - 1e-3, -90, -90 + 1e-4, 89.9], dtype=torch.float64)
    angles = torch.stack((torch.full_like(near, 40), near, torch.full_like(near, -70)), dim=1)
    local = rotations.euler_to_matrix(angles.deg2rad(), "ZYX").float()
    motion = Motion(
        root_positions=torch.zeros(6, 3),
        local_rotations=local[:, None].repeat(1, 22, 1, 1),
        fps=24.0,
        skeleton=BODY22,
    )
    write_bvh(motion, tmp_path / "a.bvh")
    assert_same(read_bvh(tmp_path / "a.bvh"), motion)


def test_body22_comes_back_with_its_roles_and_parts(
    tmp_path: Path, generator: torch.Generator
) -> None:
    write_bvh(random_motion(BODY22, generator), tmp_path / "a.bvh")
    skeleton = read_bvh(tmp_path / "a.bvh").skeleton
    assert skeleton.roles == BODY22.roles
    for name in BODY22.joint_names:
        here, there = skeleton.index(name), BODY22.index(name)
        assert skeleton.parts[here] == BODY22.parts[there]
        twin = skeleton.joint_names[skeleton.mirror[here]]
        assert twin == BODY22.joint_names[BODY22.mirror[there]]
    assert len(skeleton.end_sites) == len(BODY22.end_sites)


def test_written_text_is_deterministic(tmp_path: Path, generator: torch.Generator) -> None:
    motion = random_motion(BODY22, generator)
    for name in ("a.bvh", "b.bvh"):
        write_bvh(motion, tmp_path / name)
    assert (tmp_path / "a.bvh").read_bytes() == (tmp_path / "b.bvh").read_bytes()
    assert "-0.000000 " not in (tmp_path / "a.bvh").read_text()


@pytest.mark.parametrize("order", ["ZXY", "ZYX", "YXZ"])
def test_written_angles_are_continuous(tmp_path: Path, order: str) -> None:
    turn = torch.linspace(0.1, 4 * torch.pi, 60)
    local = torch.eye(3).repeat(60, 22, 1, 1)
    local[:, 0] = rotations.yaw_matrix(turn) @ rotations.axis_rotation("X", torch.tensor(0.2))
    motion = Motion(
        root_positions=torch.zeros(60, 3), local_rotations=local, fps=20.0, skeleton=BODY22
    )
    write_bvh(motion, tmp_path / "a.bvh", order=order)
    rows = (tmp_path / "a.bvh").read_text().split("Frame Time")[1].splitlines()[1:]
    angles = np.array([row.split()[3:6] for row in rows], dtype=float)
    assert np.abs(np.diff(angles, axis=0)).max() < 90
    assert np.ptp(angles, axis=0).max() > 600
    assert_same(read_bvh(tmp_path / "a.bvh"), motion)


def test_every_leaf_is_written_with_a_tip(tmp_path: Path) -> None:
    skeleton = Skeleton(
        name="bare",
        joint_names=("root", "arm", "hand", "knob"),
        parents=(-1, 0, 1, 0),
        rest_offsets=torch.tensor([[0.0, 0, 0], [0, 1, 0], [0.5, 0, 0], [0, 0, 0]]),
        end_sites=((2, (0.0, 0.0, 0.0)),),
    )
    motion = Motion(
        root_positions=torch.zeros(1, 3),
        local_rotations=torch.eye(3).repeat(1, 4, 1, 1),
        fps=30.0,
        skeleton=skeleton,
    )
    write_bvh(motion, tmp_path / "a.bvh")
    back = read_bvh(tmp_path / "a.bvh")
    tips = {back.skeleton.joint_names[i]: tip for i, tip in back.skeleton.end_sites}
    assert set(tips) == {"hand", "knob"}
    assert all(np.linalg.norm(tip) > 0.01 for tip in tips.values())


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.replace("Frames: 2", "Frames:2"),
        lambda t: t.replace("Frames: 2", "FRAMES:\t2").replace("Frame Time: ", "Frame Time:\t"),
        lambda t: t.replace("\n", "\r\n"),
        lambda t: t.replace("  ", "\t"),
        lambda t: t + "\n\n   \n",
        lambda t: t.replace(" 90 ", " 9.0e+01 "),
        lambda t: t.replace("ROOT Hips\n{", "ROOT Hips {"),
        lambda t: "\ufeff" + t,
        lambda t: t.replace("End Site", "End site").replace("JOINT", "Joint"),
        lambda t: t.replace("Xposition", "XPosition").replace("Zrotation", "ZROTATION"),
        lambda t: t.rstrip("\n"),
    ],
)
def test_valid_variants_read_alike(tmp_path: Path, change) -> None:
    plain = read_bvh(write(tmp_path, HEADER + MOTION))
    variant = read_bvh(write(tmp_path, change(HEADER + MOTION)))
    assert variant.skeleton == plain.skeleton
    assert torch.equal(variant.joint_positions, plain.joint_positions)
    assert variant.fps == plain.fps == 30


def test_joint_names_may_hold_blanks(tmp_path: Path) -> None:
    motion = read_bvh(write(tmp_path, (HEADER + MOTION).replace("Spine", "Upper  Spine 1")))
    assert motion.skeleton.joint_names == ("Hips", "Upper  Spine 1")
    write_bvh(motion, tmp_path / "again.bvh")
    assert read_bvh(tmp_path / "again.bvh").skeleton.joint_names == motion.skeleton.joint_names


def test_root_may_have_rotations_only(tmp_path: Path) -> None:
    text = HEADER.replace("6 Xposition Yposition Zposition", "3").replace(
        "OFFSET 0 0 0", "OFFSET 0 90 0"
    )
    rows = "MOTION\nFrames: 1\nFrame Time: 0.05\n0 0 0 0 0 0\n"
    motion = read_bvh(write(tmp_path, text + rows))
    assert motion.root_positions[0].tolist() == pytest.approx([0, 0.9, 0])
    assert motion.fps == 20


SIX = HEADER.replace("CHANNELS 3 Xrotation", "CHANNELS 6 Xposition Yposition Zposition Xrotation")


def six(first: str, second: str) -> str:
    rows = [f"0 90 0 0 0 0 {where} 0 0 0" for where in (first, second)]
    return SIX + "MOTION\nFrames: 2\nFrame Time: 0.1\n" + "\n".join(rows) + "\n"


@pytest.mark.parametrize(
    ("where", "offset"),
    [
        ("0 60 0", 0.60),  # equal to the OFFSET
        ("0 58 0", 0.58),  # another constant replaces it
        ("0 0 0", 0.60),  # zeros are added to it
    ],
)
def test_constant_translations_become_the_rest_offset(
    tmp_path: Path, where: str, offset: float
) -> None:
    motion = read_bvh(write(tmp_path, six(where, where)))
    assert motion.skeleton.rest_offsets[1].tolist() == pytest.approx([0, offset, 0])


WITH_LEGS = "  JOINT Leg\n  {\n    OFFSET 0 -80 0\n    CHANNELS 0\n  }\n"


def test_moving_translations_are_refused_or_dropped(tmp_path: Path) -> None:
    path = write(tmp_path, six("0 60 0", "0 61.5 0").replace("}\nMOTION", WITH_LEGS + "}\nMOTION"))
    with pytest.raises(FileFormatError, match=r"line 6, joint 'Spine'.* 15\.0 mm.*drop"):
        read_bvh(path)
    motion = read_bvh(path, translations="drop")
    assert motion.skeleton.rest_offsets[1].tolist() == pytest.approx([0, 0.6075, 0])


def test_a_wrapper_above_moving_hips_is_folded_exactly(tmp_path: Path) -> None:
    inner = HEADER.split("HIERARCHY\n")[1].replace("ROOT", "JOINT")
    wrapper = "HIERARCHY\nROOT Reference\n{\nOFFSET 0 0 0\nCHANNELS 6 Xposition Yposition "
    wrapper += f"Zposition {ROTATIONS}\n{inner}}}\n"
    rows = "MOTION\nFrames: 2\nFrame Time: 0.1\n"
    rows += "100 0 0 0 0 90 0 90 50 0 0 0 0 0 0\n100 0 0 0 0 90 0 90 80 0 0 0 0 0 0\n"
    motion = read_bvh(write(tmp_path, wrapper + rows))
    assert motion.skeleton.joint_names == ("Hips", "Spine")
    expected = torch.tensor([[1.5, 0.9, 0.0], [1.8, 0.9, 0.0]])
    torch.testing.assert_close(motion.root_positions, expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(
        motion.local_rotations[:, 0], rotations.yaw_matrix(torch.full((2,), torch.pi / 2))
    )


def test_unit_is_detected_or_stated(tmp_path: Path) -> None:
    cm = HEADER + MOTION
    metres = cm.replace("0 60 0", "0 0.6 0").replace("0 80 0", "0 0.8 0")
    assert read_bvh(write(tmp_path, cm)).skeleton.rest_offsets[1, 1] == pytest.approx(0.6)
    assert read_bvh(write(tmp_path, metres)).skeleton.rest_offsets[1, 1] == pytest.approx(0.6)
    stated = read_bvh(write(tmp_path, cm), unit="m")
    assert stated.skeleton.rest_offsets[1, 1] == pytest.approx(60)
    tiny = cm.replace("0 60 0", "0 0 0").replace("0 80 0", "0 0 0")
    with pytest.raises(FileFormatError, match="State the unit"):
        read_bvh(write(tmp_path, tiny))


def test_z_up_turns_into_y_up(tmp_path: Path) -> None:
    z_up = HEADER.replace("0 60 0", "0 0 60").replace("0 80 0", "0 0 80")
    rows = "MOTION\nFrames: 1\nFrame Time: 0.1\n10 -30 90 0 0 0 0 0 0\n"
    motion = read_bvh(write(tmp_path, z_up + rows), up="Z")
    # Blender's characters face -Y, which is marey's +Z.
    expected = torch.tensor([[0.1, 0.9, 0.3], [0.1, 1.5, 0.3]])
    torch.testing.assert_close(motion.joint_positions[0], expected)


@pytest.mark.parametrize(
    ("time", "fps"),
    [
        ("0.0333333", 30),
        ("0.033333335", 30),
        ("0.0333", 30),
        ("0.033", 30),
        ("0.00833333", 120),
        ("0.0083", 120),
        ("0.0166", 60),
        ("0.0416667", 24),
        ("0.05", 20),
        ("5e-2", 20),
        ("0.0333667", 30000 / 1001),
        ("0.0417083", 24000 / 1001),
        ("0.0588235", 17),
        ("0.012", 1 / 0.012),
        ("2.0", 0.5),
    ],
)
def test_frame_rate_is_exact(tmp_path: Path, time: str, fps: float) -> None:
    text = (HEADER + MOTION).replace("0.0333333", time)
    assert read_bvh(write(tmp_path, text)).fps == fps


VALID = HEADER + MOTION


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty file"),
        ("  \n\n", "empty file"),
        ("hello", "line 1: expected 'HIERARCHY'"),
        (VALID[: VALID.index("End")], "line 10: expected a line 'MOTION'"),
        (HEADER, "expected a line 'MOTION'"),
        (HEADER + "MOTION\n", "expected 'Frames:' and a count, got the end of the file"),
        (VALID.replace("Frames: 2", "Frames: two"), "line 17: expected 'Frames:'"),
        (VALID.replace("Frames: 2", "Frames: 0"), "line 17: expected at least one frame"),
        (VALID.replace("Frames: 2", "Frames: 999999999999"), "expected 999999999999 frames"),
        (VALID.replace("Frames: 2", "Frames: 3"), "line 20: expected 3 frames.*got 2"),
        (VALID.replace("0.0333333", "0"), "line 18: expected a frame time"),
        (VALID.replace("0.0333333", "nan"), "line 18: expected a frame time"),
        (VALID.replace("2 91 3", "2 91"), "line 20: expected 9 numbers.*got 8"),
        (VALID.replace("2 91 3", "2 nan 3"), "line 20: expected finite.*nan in channel 1"),
        (VALID.replace("2 91 3", "2 1e300 3"), "line 20: expected finite"),
        (VALID.replace("2 91 3", "2 9x 3"), "line 20: expected numbers, got '9x'"),
        (VALID.replace("2 91 3", "2 9,1 3"), "line 20.*not a comma"),
        (VALID.replace("2 91 3 ", "2 91 3\0"), "line 20"),
        (VALID.replace("CHANNELS 3", "CHANNELS 4"), "line 9: expected CHANNELS, their count"),
        (VALID.replace("Xrotation Y", "Xscale Y"), "line 5: expected channels out of .*'Xscale'"),
        (VALID.replace("Xrotation Yrotation", "Xrotation Xrotation"), "line 5: expected each"),
        (VALID.replace("OFFSET 0 60 0", "OFFSET 0 60"), "line 8: expected OFFSET and three"),
        (VALID.replace("OFFSET 0 60 0", "OFFSET 0 nan 0"), "line 8: expected a finite OFFSET"),
        (VALID.replace("    OFFSET 0 60 0\n", ""), "expected an OFFSET line in 'Spine'"),
        (VALID.replace("JOINT Spine", "JOINT"), "line 6: expected a printable joint name"),
        (VALID.replace("JOINT Spine", "JOINT Hips"), "line 6.*'Hips' again"),
        (VALID.replace("JOINT Spine", "ROOT Spine"), "line 6: expected one ROOT.*split"),
        (VALID.replace("}\nMOTION", "MOTION"), "expected a '}' for every '{'"),
        (VALID.replace("}\nMOTION", "}}\nMOTION"), "line 15: .*one '}' too many"),
        (VALID.replace("OFFSET 0 60 0", "OFFSET 0 1e9 0"), "State the unit"),
    ],
)
def test_faults_name_their_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FileFormatError, match=message) as caught:
        read_bvh(write(tmp_path, text))
    assert "clip.bvh" in str(caught.value)


def test_binary_files_and_missing_files_are_told(tmp_path: Path) -> None:
    path = tmp_path / "clip.bvh"
    path.write_bytes(VALID.replace("Spine", "Sp\u00efne").encode("latin-1"))
    with pytest.raises(FileFormatError, match="line 6: expected UTF-8 text, got byte 0xef"):
        read_bvh(path)
    with pytest.raises(FileFormatError, match="no such file"):
        read_bvh(tmp_path / "none.bvh")
    with pytest.raises(FileFormatError, match="a folder"):
        read_bvh(tmp_path)


def test_options_are_checked(tmp_path: Path, generator: torch.Generator) -> None:
    motion = random_motion(BODY22, generator)
    with pytest.raises(InvalidInputError, match="order must be one of"):
        write_bvh(motion, tmp_path / "a.bvh", order="XYX")
    with pytest.raises(InvalidInputError, match="decimals"):
        write_bvh(motion, tmp_path / "a.bvh", decimals=0)
    assert not list(tmp_path.iterdir())


def test_names_that_bvh_cannot_hold_are_refused(tmp_path: Path) -> None:
    skeleton = Skeleton(
        name="odd", joint_names=("a{b",), parents=(-1,), rest_offsets=torch.zeros(1, 3)
    )
    motion = Motion(
        root_positions=torch.zeros(1, 3),
        local_rotations=torch.eye(3)[None, None],
        fps=30.0,
        skeleton=skeleton,
    )
    with pytest.raises(InvalidInputError, match=re.escape("'a{b'")):
        write_bvh(motion, tmp_path / "a.bvh")


def test_nothing_is_overwritten_without_force(tmp_path: Path, generator: torch.Generator) -> None:
    motion = random_motion(BODY22, generator)
    path = tmp_path / "new" / "a.bvh"
    write_bvh(motion, path)
    before = path.read_bytes()
    with pytest.raises(InvalidInputError, match="--force"):
        write_bvh(motion.crop(0, 1), path)
    assert path.read_bytes() == before
    write_bvh(motion.crop(0, 1), path, force=True)
    assert read_bvh(path).num_frames == 1
    assert [p.name for p in path.parent.iterdir()] == ["a.bvh"]
