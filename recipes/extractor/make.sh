#!/bin/sh
# The extractor that ships, from the corpora to the exported and measured file. Every step goes on where
# a stopped run left off.
#   sh recipes/extractor/make.sh DATA RUNS WEIGHTS
# DATA holds the corpora (recipes/extractor/README.md lists them), RUNS what is made on the way, WEIGHTS the result.
# On two cores with bfloat16, while other work ran: an hour of preparation, then 50 and 80 minutes of training.
set -eu
data=$(cd "$1" && pwd) runs=$2 weights=$3
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$runs/data" "$weights"
runs=$(cd "$runs" && pwd)
weights=$(cd "$weights" && pwd)

# What a face mesh sees in the photographs. mediapipe is no dependency of mien: it gets its own environment.
if [ ! -f "$runs/mesh/mesh-sfhq.npz" ]; then
    [ -x "$runs/mediapipe/bin/python" ] || python3 -m venv "$runs/mediapipe"
    "$runs/mediapipe/bin/python" -m pip install -q --disable-pip-version-check "mediapipe==1.2.3"
    "$runs/mediapipe/bin/python" "$here/mesh_teacher.py" "$data" "$runs/mesh"
fi

# Corpora, meshes and drawn faces side by side, without writing into the data folder.
for file in "$data"/* "$runs"/mesh/*.npz; do ln -sfn "$(realpath "$file")" "$runs/data/$(basename "$file")"; done
mien synthesize images --count 14000 --per-person 2 --seed 31 --framing aligned --modalities color \
    --speech 0.4 --out "$runs/data/synthetic-talking-aligned"
mien synthesize images --count 12000 --per-person 2 --seed 53 --framing aligned --modalities color \
    --speech 0.6 --out "$runs/data/synthetic-speaking-aligned"
mien synthesize images --count 5000 --seed 7 --framing aligned --modalities color \
    --out "$runs/data/synthetic-aligned"

train() {  # RECIPE OUT ARGUMENT...
    recipe=$here/$1.toml out=$runs/$2
    shift 2
    [ -f "$out/model.safetensors" ] || mien train extractor --config "$recipe" --data "$runs/data" \
        --cache "$runs/cache" --out "$out" "$@"
}
train 1-base extractor-base
train 2-finish extractor-finish --init "$runs/extractor-base"

# Chosen on halves A of the development sets, measured on halves B.
about=$here/../about/extractor.toml model=$weights/extractor.onnx
mien export extractor --run "$runs/extractor-finish" --about "$about" --to "$runs/uncalibrated.onnx"
python "$here/choose.py" "$data" "$runs" "$runs/uncalibrated.onnx" "$runs/calibration.json"
mien export extractor --run "$runs/extractor-finish" --about "$about" --calibration "$runs/calibration.json" \
    --half --to "$model"
python "$here/measure.py" "$data" "$runs" "$model" "$runs/calibration.json" "$weights/extractor.json"
# Once more, now with how far to trust each channel; the weights are the same.
python "$here/trust.py" "$about" "$weights/extractor.json" "$runs/about.toml"
mien export extractor --run "$runs/extractor-finish" --about "$runs/about.toml" \
    --calibration "$runs/calibration.json" --half --to "$model"
