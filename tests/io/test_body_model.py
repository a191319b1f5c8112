"""Rest joints of SMPL's family: from body models, from tables of joints, and what is neither."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from marey.errors import FileFormatError
from marey.io.body_model import read_body_model, read_body_models
from marey.skeleton import BODY22
from marey.skeleton.kinematics import joint_positions

PELVIS = torch.tensor([0.01, -0.3, 0.02])
SHAPED = replace(
    BODY22, rest_offsets=torch.cat((PELVIS[None], 1.1 * BODY22.rest_offsets[1:])), end_sites=()
)


def body_model(generator: torch.Generator) -> dict[str, np.ndarray]:
    """A body model of 200 vertices whose joints are SHAPED's, with two shapes."""
    eye = torch.eye(3).expand(22, 3, 3)
    joints = joint_positions(SHAPED.rest_offsets[0], eye, SHAPED).double().numpy()
    weights = torch.rand(24, 200, generator=generator, dtype=torch.float64).numpy()
    weights /= weights.sum(1, keepdims=True)
    rows = np.concatenate((joints, np.zeros((2, 3))))
    return {
        "J_regressor": weights,
        "v_template": np.linalg.pinv(weights) @ rows,
        "shapedirs": 0.01
        * torch.randn(200, 3, 2, generator=generator, dtype=torch.float64).numpy(),
    }


def test_a_body_model_gives_the_joints_of_a_shape(
    tmp_path: Path, generator: torch.Generator
) -> None:
    arrays, path = body_model(generator), tmp_path / "model.npz"
    np.savez(path, names=np.array([{}], dtype=object), **arrays)  # as the published files have it
    model = read_body_model(path)
    torch.testing.assert_close(
        model.skeleton().rest_offsets, SHAPED.rest_offsets, atol=1e-5, rtol=0
    )
    betas = [2.0, -1.0]
    shaped = arrays["J_regressor"] @ (arrays["v_template"] + arrays["shapedirs"] @ np.array(betas))
    skeleton = model.skeleton([*betas, 9.0, 9.0])
    torch.testing.assert_close(skeleton.rest_offsets[0], torch.from_numpy(shaped[0]).float())
    bone = torch.from_numpy(shaped[4] - shaped[1]).float()
    torch.testing.assert_close(skeleton.rest_offsets[4], bone, atol=1e-6, rtol=0)


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".json"])
def test_rest_joints_alone_do_as_well(tmp_path: Path, suffix: str) -> None:
    eye = torch.eye(3).expand(22, 3, 3)
    rows = joint_positions(SHAPED.rest_offsets[0], eye, SHAPED).double().numpy()
    path = tmp_path / f"rest{suffix}"
    if suffix == ".npz":
        np.savez(path, rest_joints=rows)
    elif suffix == ".npy":
        np.save(path, rows)
    else:
        path.write_text(json.dumps({"rest_joints": rows.tolist()}))
    found = read_body_model(path).skeleton([1.0, 2.0]).rest_offsets
    torch.testing.assert_close(found, SHAPED.rest_offsets, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("a.json", "[[0, 0, 0]]", "22 or more"),
        ("a.json", '{"joints": []}', "other JSON"),
        ("a.json", '{"joints": [[1, 2, 3]]}', "an object that has it as 'rest_joints', got other"),
        ("a.json", "{", r"a list of \[x, y, z\]"),
        ("a.json", json.dumps([[0.0, 100.0 * i, 0.0] for i in range(22)]), "bones of 0.005 to 1 m"),
        ("a.json", json.dumps([[0.0, 0.0, 0.0]] * 22), "bones of"),
        ("a.npy", "nothing", "npy"),
        ("a.npz", "nothing", "NPZ"),
    ],
)
def test_other_files_hold_no_body(tmp_path: Path, name: str, content: str, complaint: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(FileFormatError, match=complaint):
        read_body_model(tmp_path / name)


def test_a_model_without_its_arrays_is_refused(tmp_path: Path, generator: torch.Generator) -> None:
    arrays = body_model(generator)
    for name, array in arrays.items():
        path = tmp_path / f"without_{name}.npz"
        np.savez(path, **{key: each for key, each in arrays.items() if key != name})
        with pytest.raises(FileFormatError, match=name):
            read_body_model(path)
        np.savez(path, **arrays | {name: array[:20]})
        with pytest.raises(FileFormatError, match=r"shape"):
            read_body_model(path)


def test_a_folder_holds_a_model_per_gender(tmp_path: Path, generator: torch.Generator) -> None:
    folder = tmp_path / "models"
    (folder / "female").mkdir(parents=True)
    with pytest.raises(FileFormatError, match=r"male/model\.npz"):
        read_body_models(folder)
    arrays = body_model(generator)
    np.savez(folder / "female" / "model.npz", **arrays)
    np.savez(folder / "SMPLH_MALE.npz", **arrays | {"v_template": 1.2 * arrays["v_template"]})
    models = read_body_models(folder)
    assert set(models) == {"female", "male"}
    torch.testing.assert_close(models["male"].joints, 1.2 * models["female"].joints)
    assert set(read_body_models(folder / "SMPLH_MALE.npz")) == {""}
