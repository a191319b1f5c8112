#!/usr/bin/env bash
# Build the wheel, install it into a clean environment and use it away from the repository.
# Usage: .ci/wheel_smoke.sh PYTHON_WITH_BUILD_TOOLS TORCH_REQUIREMENT
set -euo pipefail
cd "$(dirname "$0")/.."
builder=$1
torch=$2
venv=$PWD/.wheel-venv
unset PYTHONPATH

rm -f dist/marey-*.whl
"$builder" -m build --wheel --no-isolation --outdir dist . >/dev/null
wheel=$(ls dist/marey-*.whl)

"$builder" - "$wheel" <<'PYTHON'
import sys
from zipfile import ZipFile

entries = ZipFile(sys.argv[1]).infolist()
names = [entry.filename for entry in entries]
weights = [entry for entry in entries if entry.filename.endswith(".safetensors")]
missing = [name for name in ("marey/__init__.py", "marey/py.typed") if name not in names]
if missing or not weights:
    sys.exit(f"{sys.argv[1]} lacks {missing or 'the weights (*.safetensors)'}")
sizes = {entry.filename: entry.file_size for entry in weights}
small = sum(size for name, size in sizes.items() if name.startswith("marey/models/weights/small/"))
if not 0 < small <= 20e6 or sum(sizes.values()) > 35e6:
    sys.exit(f"the weights in {sys.argv[1]} exceed 20 MB (small) or 35 MB (all): {sizes}")
if stray := [name for name in names if not name.startswith(("marey/", "marey-"))]:
    sys.exit(f"{sys.argv[1]} holds files outside the package: {stray}")
PYTHON

"$builder" -m venv --clear "$venv"
install=("$venv/bin/python" -m pip --disable-pip-version-check install --quiet --no-compile)
"${install[@]}" "$torch"
"${install[@]}" "$torch" "$wheel"

elsewhere=$(mktemp -d)
trap 'rm -rf "$elsewhere"' EXIT
cd "$elsewhere"
"$venv/bin/marey" --help >/dev/null
"$venv/bin/marey" generate "a person walks forward" --seconds 1 --steps 2 --seed 1 -o smoke.bvh
"$venv/bin/marey" caption smoke.bvh >/dev/null
"$venv/bin/marey" reason "a person waves with the left hand" >/dev/null
"$venv/bin/python" - <<'PYTHON'
from pathlib import Path

text = Path("smoke.bvh").read_text()
assert text.startswith("HIERARCHY"), text[:80]
rows = text.partition("Frame Time:")[2].splitlines()[1:]
values = [float(value) for row in rows for value in row.split()]
assert len(rows) > 1 and all(abs(value) < 1e4 for value in values), (len(rows), values[:6])
PYTHON
echo "wheel smoke test passed: $(basename "$wheel")"
