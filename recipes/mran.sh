#!/bin/sh
# SYNTHETIC tri-modal people and MRAN's weights: generate, prepare, train, export, score. Everything resumes: run the same
# line again after a stop. On two cores: 35 minutes to generate, then half an hour to train.
#   sh recipes/mran.sh RUNS     ENCODERS is what gives the encoders: the MRAN that ships, or an extractor, which takes longer:
#                               set train_encoders=true then
set -e
runs=$1 encoders=${ENCODERS:-src/mien/weights/mran.onnx}
people() {  # NAME ARGUMENT...
    name=$1
    shift
    mien synthesize trimodal --out "$runs/synthetic-$name" "$@"
    mien datasets prepare synthetic-trimodal --root "$runs/synthetic-$name" --out "$runs/$name-prepared"
}
people trimodal --seed 2101 --train 1000 --valid 100 --test 90
people people --seed 2102 --train 3000 --valid 100 --test 1 --seconds 2 --fps 2  # few frames of many
train() {  # PART DATA ARGUMENT...
    part=$1 data=$2
    shift 2
    mien train mran --config "configs/$part.toml" --data "$runs/$data-prepared" --out "$runs/$part" "$@"
}
train mran-trimodal-short people --encoders "$encoders"
train mran-trimodal trimodal --init "$runs/mran-trimodal-short"
onnx="$runs/mran-trimodal.onnx"
mien export mran --run "$runs/mran-trimodal" --half --about configs/mran-trimodal.about.toml --to "$onnx"
mien evaluate mran --model "$onnx" --data "$runs/trimodal-prepared@test" --by light --by skin_tone --each-missing --stage1
