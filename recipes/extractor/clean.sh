#!/bin/sh
# The clean extractor, after make.sh, whose corpora, meshes and drawn faces it takes. It learns from SYNTHETIC
# faces and SFHQ alone, and is chosen on them alone; it is measured on all that the default is measured on.
#   sh recipes/extractor/clean.sh DATA RUNS WEIGHTS
# Half an hour of training on one core with bfloat16.
set -eu
data=$(cd "$1" && pwd) runs=$(cd "$2" && pwd) weights=$(cd "$3" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
run=$runs/extractor-clean model=$weights/extractor-clean.onnx about=$here/../about/extractor-clean.toml

[ -f "$run/model.safetensors" ] || mien train extractor --config "$here/clean.toml" --data "$runs/data" \
    --cache "$runs/cache" --out "$run"
mien export extractor --run "$run" --about "$about" --to "$runs/uncalibrated-clean.onnx"
python "$here/choose.py" "$data" "$runs" "$runs/uncalibrated-clean.onnx" "$runs/calibration-clean.json" --clean
mien export extractor --run "$run" --about "$about" --calibration "$runs/calibration-clean.json" --half --to "$model"
python "$here/measure.py" "$data" "$runs" "$model" "$runs/calibration-clean.json" "$weights/extractor-clean.json"
# Once more, now with how far to trust each channel; the weights are the same.
python "$here/trust.py" "$about" "$weights/extractor-clean.json" "$runs/about-clean.toml"
mien export extractor --run "$run" --about "$runs/about-clean.toml" --calibration "$runs/calibration-clean.json" \
    --half --to "$model"
