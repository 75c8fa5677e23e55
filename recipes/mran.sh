#!/bin/sh
# The tri-modal benchmark and MRAN's weights: generate, prepare, train, export, score. Everything resumes:
# run the same line again after a stop. On two cores: half an hour to generate, hours to train.
#   sh recipes/mran.sh RUNS SEED NAME      NAME is trimodal or color; RUNS holds runs/mma-compact-deep of recipes/weights.sh
set -e
runs=$1 seed=$2 name=$3
mien synthesize trimodal --out "$runs/synthetic-trimodal"
mien datasets prepare synthetic-trimodal --root "$runs/synthetic-trimodal" --out "$runs/trimodal-prepared"
short="$runs/mran-$name-short-$seed" long="$runs/mran-$name-$seed" finish="$runs/mran-$name-finish-$seed"
part() {  # CONFIG OUT START...
    config=$1 out=$2
    shift 2
    if [ ! -e "$out/model.safetensors" ]; then
        mien train mran --config "configs/$config.toml" --data "$runs/trimodal-prepared" \
            --set "seed=$seed" --set threads="${THREADS:-2}" --out "$out" "$@"
    fi
}
part "mran-$name-short" "$short" --encoders "$runs/mma-compact-deep"
part "mran-$name" "$long" --init "$short"
best=$long
if [ "$name" = trimodal ]; then  # color alone only gets worse by it, on the validation people
    part "mran-$name-finish" "$finish" --init "$long"
    best=$finish
fi
onnx="$runs/mran-$name-$seed.onnx"
mien export mran --run "$best" --about "configs/mran-$name.about.toml" --to "$onnx"
mien evaluate mran --model "$onnx" --data "$runs/trimodal-prepared@test" --by light --by skin_tone --stage1
