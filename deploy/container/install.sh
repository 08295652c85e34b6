#!/bin/sh
# Photosync into a folder of its own: `install.sh SOURCE TARGET`, with the Python that `python3` is.
# Exactly the locked releases, by their hashes; nothing of pip is left in the folder, since nothing is installed later.
set -eu
if [ "$#" -ne 2 ]; then
    echo "usage: install.sh SOURCE TARGET" >&2
    exit 2
fi
source=$1
target=$2
python3 -m venv "$target"
pip() {
    "$target/bin/python" -m pip --disable-pip-version-check --no-cache-dir "$@"
}
pip install --quiet --no-deps --require-hashes -r "$source/requirements-otel.lock"
pip install --quiet --no-deps --no-build-isolation "$source"
pip check
pip uninstall --quiet --yes pip setuptools
# The root may be read-only where it runs: what Python would write beside the modules is written now,
# and what the languages come to.
"$target/bin/python" -m compileall -q "$target/lib"
"$target/bin/python" -c 'from bot.languages import packaged; packaged.languages()'
"$target/bin/photosync" --help >/dev/null
