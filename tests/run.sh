#!/usr/bin/env bash
# Run all tests, those first that fail soonest.
set -euo pipefail
cd "$(dirname "$0")/.."
heading() { printf '\n== %s (after %d s)\n' "$1" "$SECONDS"; }

# Two processes of one thread each do more on two cores than two of two. Snakemake gives a job one
# thread, too: another number of threads adds in another order.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1

heading "Units, with TensorFlow"
pytest -q -n 2 --dist loadfile tests --ignore tests/study --ignore tests/stress

heading "The smoke study and its book, beside the tests with JAX"
mkdir -p _build
trap wait EXIT  # nothing outlives a failed run
{
    snakemake --profile profiles/local --config study=config/smoke.yaml
    for study in backbones transfer density relevance best; do
        snakemake --profile profiles/local --config study=config/smoke_$study.yaml
    done
    python -m press.book config/smoke.yaml
} >_build/smoke.log 2>&1 &
smoke=$!

heading "Losses, networks, training and explanations, with JAX"
export JAX_COMPILATION_CACHE_DIR="$PWD/_build/jax" JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0
export JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES=-1
# Tiny networks that are compiled once and run a few times gain nothing from LLVM's optimisations.
XLA_FLAGS="--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true" \
KERAS_BACKEND=jax pytest -q -n 2 --dist loadfile -m "not one_backend" tests/birads_lib/losses \
    tests/birads_lib/networks/test_hybrid.py tests/birads_lib/networks/test_families.py \
    tests/birads_lib/networks/test_image_text.py \
    tests/birads_lib/training --ignore tests/birads_lib/training/test_sizes_for_a_gpu.py \
    tests/birads_lib/frozen/test_tokens.py \
    tests/birads_lib/explain/test_grad_cam.py tests/birads_lib/explain/test_relevance.py

wait $smoke || { cat _build/smoke.log; exit 1; }
tail -n 1 _build/smoke.log

heading "Its passports, figures made again, its crate, the rendered book"
pytest -q -n 2 --dist worksteal tests/study

heading "Its notebooks, executed again, give the same (nbval) and leave everything as it was"
# Each notebook once: the leaky protocol has pages of its own from the same notebooks.
# They run as those of the study do, and go on from what it has left: by hand, they'd train anew.
BIRADS_PAGE=nbval PYTHONSTARTUP=tests/notebooks/in_kernel.py PYTHONPATH="$PWD:$PWD/tests" \
pytest -q -n 2 --dist loadfile -p helpers.nbval_sockets \
    --nbval-lax --nbval-cell-timeout 300 -p no:cacheprovider \
    $(ls book/smoke/*.ipynb | grep -v -- -oversample_first)
# The book itself was rendered anew and compared above, in a copy.
pytest -q tests/study/test_smoke_verify.py -k "just_made or every_image"

heading "All passed"
