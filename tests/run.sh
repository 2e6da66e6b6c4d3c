#!/usr/bin/env bash
# Run all tests, those first that fail soonest. `make test` does, with tests/ among Python's paths
# and a fork server beside it.
set -euo pipefail
cd "$(dirname "$0")/.."
heading() { printf '\n== %s (after %d s)\n' "$1" "$SECONDS"; }

# Two processes of one thread each do more on two cores than two of two. Snakemake gives a job one
# thread, too: another number of threads adds in another order.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1

quietly() { # NAME COMMAND: what the command says goes to _build/NAME.log, and is shown if it fails
    local log="_build/$1.log"
    shift
    if "$@" >"$log" 2>&1; then tail -n 1 "$log"; else cat "$log"; return 1; fi
}
execute() {
    for study in "$@"; do
        snakemake --profile profiles/local --cores 1 --config "study=config/$study.yaml" || return 1
    done
}
with_jax() {
    export JAX_COMPILATION_CACHE_DIR="$PWD/_build/jax" JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0
    export JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES=-1
    XLA_FLAGS="$(python -m helpers.quick_xla)" && export XLA_FLAGS
    KERAS_BACKEND=jax pytest -q -m "not one_backend" tests/birads_lib/losses \
        tests/birads_lib/networks/test_hybrid.py tests/birads_lib/networks/test_families.py \
        tests/birads_lib/networks/test_image_text.py \
        tests/birads_lib/training --ignore tests/birads_lib/training/test_floors.py \
        tests/birads_lib/frozen/test_tokens.py tests/birads_lib/explain/test_grad_cam.py
}

mkdir -p _build
trap wait EXIT  # nothing outlives a failed run

heading "Units, with TensorFlow; with JAX beside all that follows, where a core would wait"
(renice -n 19 $BASHPID >/dev/null; quietly jax with_jax) &
jax=$!
pytest -q -n 2 --dist loadfile tests/birads_lib tests/press tests/notebooks

heading "The smoke study and its book, beside the companions'"
quietly companions execute smoke_backbones smoke_transfer smoke_density smoke_relevance &
companions=$!
quietly smoke execute smoke
quietly best execute smoke_best & # it reads what the smoke study has trained
best=$!
quietly book python -m press.book config/smoke.yaml

heading "Its passports, figures made again, its crate, the rendered book"
# A file by one process, which parses the book, packs a crate or copies the project once for it.
pytest -q -n 2 --dist loadfile --no-loadscope-reorder \
    tests/study --ignore tests/study/test_smoke_companions.py

heading "Its notebooks, executed again, give the same (nbval) and leave everything as it was"
# Each notebook once: other pages of a notebook are a leaky protocol's or another variant's, and
# tests/study/test_smoke_remake.py executes 01 and 02 again, watched, and compares what they print.
# They run as those of the study do, and go on from what it has left: by hand, they'd train anew.
BIRADS_PAGE=nbval PYTHONSTARTUP=tests/notebooks/in_kernel.py \
pytest -q -n 2 --dist loadfile -p helpers.nbval_sockets \
    --nbval-lax --nbval-cell-timeout 300 -p no:cacheprovider \
    $(ls book/smoke/*.ipynb | grep -v -e -oversample_first -e 01_data_exploration -e 02_preprocessing)
# The book itself was rendered anew and compared above, in a copy.
pytest -q tests/study/test_smoke_verify.py -k "just_made or every_image"

heading "What ran beside these"
wait $jax
wait $companions
wait $best
pytest -q tests/study/test_smoke_companions.py

heading "All passed"
