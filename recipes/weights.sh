#!/bin/sh
# What ships, from data to exported and measured files. Every step goes on where a stopped run left
# off. Usage: sh recipes/weights.sh DATA   (needs: pip install ".[train,synthetic]")
# RUNS: folder of trainings and drawn sets (runs). WEIGHTS: folder that the files are written to
# (RUNS/weights); WEIGHTS=src/mien/weights replaces what ships.
set -eu
data=$1
here=$(cd "$(dirname "$0")/.." && pwd)
runs=${RUNS:-$here/runs}
weights=${WEIGHTS:-$runs/weights}
mkdir -p "$runs/data" "$weights"
runs=$(cd "$runs" && pwd)
weights=$(cd "$weights" && pwd)

# The corpora and the drawn faces side by side, without writing into the data folder.
for file in "$data"/*; do ln -sfn "$(realpath "$file")" "$runs/data/$(basename "$file")"; done
data=$runs/data
mien synthesize images --count 10000 --seed 7 --framing aligned --modalities color \
    --out "$data/synthetic-aligned"
mien synthesize images --count 14000 --per-person 2 --seed 8 --framing aligned --modalities color \
    --out "$data/synthetic-people-aligned"
mien synthesize images --count 16000 --per-person 2 --seed 9 --framing aligned --modalities color \
    --out "$data/synthetic-more-aligned"

# Stage 1: the extractor, from scratch on small crops, then at full resolution, then deeper and with
# the drawn faces. The seeds of one part (below) can run side by side on two cores.
mien train mma --config "$here/configs/mma-compact.toml" --data "$data" \
    --cache "$runs/cache" --out "$runs/mma-compact"
mien train mma --config "$here/configs/mma-compact-finish.toml" --data "$data" \
    --cache "$runs/cache" --init "$runs/mma-compact" --out "$runs/mma-compact-finish"
mien train mma --config "$here/configs/mma-compact-deep.toml" --data "$data" \
    --cache "$runs/cache" --init "$runs/mma-compact-finish" --out "$runs/mma-compact-deep"

# Two networks that start from it, their mean, and two that learn from what both say of a face and
# start from that mean; then a short part for the action units. In the mean of all four, its head of
# units fitted anew, expressions are done but for what they read of the second network.
about=$here/configs/mma-compact.about.toml
mien export mma --run "$runs/mma-compact-deep" --about "$about" --to "$runs/mma-compact-deep.onnx"
part() {  # CONFIG START OUT SEED ARGUMENT...
    config=$here/configs/mma-compact-$1.toml start=$runs/$2 out=$runs/$3 seed=$4
    shift 4
    mien train mma --config "$config" --data "$data" --cache "$runs/cache" --init "$start" \
        --set "seed=$seed" --out "$out" "$@"
}
for seed in 4 5; do part teacher mma-compact-deep.onnx "mma-teacher-$seed" "$seed"; done
teachers="$runs/mma-teacher-4 $runs/mma-teacher-5"
python "$here/recipes/mean_of_runs.py" "$runs/mma-teacher-mean" $teachers
taught() {  # NAME START SEED
    part "$1" "$2" "mma-$1-$3" "$3" \
        --teacher "$runs/mma-teacher-4" --teacher "$runs/mma-teacher-5"
}
for seed in 6 7; do taught student mma-teacher-mean "$seed"; done
python "$here/recipes/mean_of_runs.py" "$runs/mma-student-mean" \
    "$runs/mma-student-6" "$runs/mma-student-7"

for seed in 8 9; do taught units mma-student-mean "$seed"; done
python "$here/recipes/mean_of_runs.py" "$runs/mma-mean" "$runs/mma-student-6" "$runs/mma-student-7" \
    "$runs/mma-units-8" "$runs/mma-units-9"
python "$here/recipes/fit_heads.py" "$here/configs/mma-compact-units.toml" "$data" "$runs/cache" \
    "$runs/mma-mean" "$runs/mma-fitted"

# A second network for valence-arousal and action units, which places landmarks: by itself from many
# more drawn faces, then with photographs beside them, then on crops disturbed less, thrice; of the
# mean of these three the head of units fitted anew, and one by which expressions read it too.
part fine mma-fitted mma-fine 71
part fine-on mma-fine mma-fine-on 72
for seed in 74 75 76; do part fine-last mma-fine-on "mma-fine-last-$seed" "$seed"; done
python "$here/recipes/mean_of_runs.py" "$runs/mma-fine-last" "$runs/mma-fine-last-74" \
    "$runs/mma-fine-last-75" "$runs/mma-fine-last-76"
python "$here/recipes/fit_heads.py" "$here/configs/mma-compact-fine-last.toml" "$data" \
    "$runs/cache" "$runs/mma-fine-last" "$runs/mma-fine-read" muxspace synthetic people more

# Calibrated, exported, measured.
mien export mma --run "$runs/mma-fine-read" --about "$about" --to "$runs/uncalibrated.onnx"
mien calibrate mma --model "$runs/uncalibrated.onnx" --to "$runs/calibration.json" \
    --data "$data/ferplus_trainval.npz@valid" --data "$data/muxspace_faces.zip@valid" \
    --data "$data/synthetic-aligned@valid" --data "$data/synthetic-people-aligned@valid"
mien export mma --run "$runs/mma-fine-read" --about "$about" \
    --calibration "$runs/calibration.json" --half --to "$weights/mma-compact.onnx"
python "$here/recipes/measure_mma.py" "$data" "$weights/mma-compact.onnx" "$runs/calibration.json" \
    "$weights/mma-compact.json"

# What stage 2 is simulated with: the tremble of stage 1 on a resting face. It is part of the package.
shipped=$here/src/mien/weights
if [ "$weights" = "$shipped" ]; then
    python "$here/recipes/measure_noise.py" "$data/videos/pexels_portrait.mp4" \
        "$here/src/mien/synthetic/stage1_noise.json"
fi

# Stage 2: the masked RNN, on simulated sequences.
mien train reactions --config "$here/configs/reactions-simulated.toml" \
    --out "$runs/reactions-simulated"
mien export reactions --run "$runs/reactions-simulated" \
    --about "$here/configs/reactions-simulated.about.toml" \
    --to "$weights/reactions-simulated.onnx"
cp "$runs/reactions-simulated/metrics.json" "$weights/reactions-simulated.json"

# MRAN on SYNTHETIC clips, its encoders from the extractor above.
cd "$here"
ENCODERS="$weights/mma-compact.onnx" sh recipes/mran.sh "$runs" 1 trimodal
cp "$runs/mran-trimodal-1.onnx" "$weights/mran.onnx"
python recipes/measure_mran.py "$runs/trimodal-prepared" "$weights/mran.onnx" \
    "$weights/mma-compact.onnx" "$weights/mran.json"

if [ "$weights" = "$shipped" ]; then python recipes/write_cards.py; fi
