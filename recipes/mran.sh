#!/bin/sh
# The tri-modal benchmark and MRAN's weights: generate, prepare, train, export, score. Everything resumes:
# run the same line again after a stop. On two cores: half an hour to generate, hours to train.
#   sh recipes/mran.sh RUNS SEED NAME      NAME is trimodal or color; RUNS holds runs/mma-compact-deep of recipes/weights.sh
set -e
runs=$1 seed=$2 name=$3
mien synthesize trimodal --out "$runs/synthetic-trimodal"
mien datasets prepare synthetic-trimodal --root "$runs/synthetic-trimodal" --out "$runs/trimodal-prepared"
short="$runs/mran-$name-short-$seed" long="$runs/mran-$name-$seed"
if [ ! -e "$short/model.safetensors" ]; then
    mien train mran --config "configs/mran-$name-short.toml" --data "$runs/trimodal-prepared" \
        --encoders "$runs/mma-compact-deep" --set "seed=$seed" --set threads="${THREADS:-2}" --out "$short"
fi
mien train mran --config "configs/mran-$name.toml" --data "$runs/trimodal-prepared" \
    --init "$short" --set "seed=$seed" --set threads="${THREADS:-2}" --out "$long"
mien export mran --run "$long" --about "configs/mran-$name.about.toml" --to "$runs/mran-$name-$seed.onnx"
mien evaluate mran --model "$runs/mran-$name-$seed.onnx" --data "$runs/trimodal-prepared@test" --by light --by skin_tone --stage1
