# The two commands of the README are `make demo` and `make test`; each sets up what it needs in .venv/ by itself.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ARGS ?=
TESTS ?= tests
# Some environments set it; then every worker of the tests and every command compiles all of the program anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test test-rest coverage check lint types lock setup clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: $(READY) ## the local environment, from the locked versions

$(READY): requirements-dev.lock requirements-node.lock tests/pips/oldest.lock tests/pips/newest.lock pyproject.toml tools/setup.py \
		sandbox/page/package-lock.json tests/schemas/package-lock.json
	@"$(PYTHON)" tools/setup.py "$(VENV)"
	@touch "$(READY)"

demo: $(READY) ## a pretend tenant, the bot and a chat page; ARGS="--no-browser --port 3979"
	@"$(BIN)/photosync" demo $(ARGS)

test: $(READY) ## the tests, of long tables every third row, three at once for each processor; TESTS=tests/turns for some
	@"$(BIN)/python" tools/machine.py
	"$(BIN)/python" -m pytest -n auto --dist worksteal --part short $(ARGS) $(TESTS)

test-rest: $(READY) ## the rows that `make test` leaves out
	@"$(BIN)/python" tools/machine.py
	"$(BIN)/python" -m pytest -n auto --dist worksteal --part rest $(ARGS) $(TESTS)

coverage: $(READY) ## the same, counting the lines that no test reaches; takes nearly twice as long
	@"$(BIN)/python" tools/machine.py
	"$(BIN)/python" -m pytest -n auto --dist worksteal --cov --cov-report=term $(ARGS) $(TESTS)

lint: $(READY)
	"$(BIN)/ruff" check .
	"$(BIN)/ruff" format --check .

types: $(READY)
	"$(BIN)/mypy"

audit: $(READY)
	@"$(BIN)/python" tools/audit.py

check: lint types audit guard test test-rest ## lint, types, known vulnerabilities, what a turn costs, tests

.PHONY: newest
newest: ## the test suite with the newest releases that pyproject.toml allows, in an environment of its own
	"$(PYTHON)" tools/newest.py .venv-newest $(ARGS)

lock: $(READY) ## write the lock files again from pyproject.toml, and look for missing wheels
	"$(BIN)/python" tools/lock.py

clean: ## forget the local environment
	rm -rf "$(VENV)" .venv-bench .venv-deploy .venv-newest .venv-train .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage \
		sandbox/page/node_modules tests/schemas/node_modules

.PHONY: golden readme names
names: $(READY) ## write anew what languages call each other
	"$(BIN)/python" -m tools.names

golden: $(READY) ## write the golden cards again, to be looked at before they are committed
	PHOTOSYNC_GOLDEN=write "$(BIN)/python" -m pytest -q tests/cards

readme: $(READY) ## write the settings table of the README anew
	"$(BIN)/python" -m tools.readme

.PHONY: pictures
pictures: $(READY) ## three cards in every language, as pictures (docs/languages/)
	@"$(BIN)/python" -m tools.language_pictures

.PHONY: recording
recording: $(READY) ## a set-up in an empty pretend tenant, as a picture (docs/setup.svg)
	"$(BIN)/python" -m tools.recording

.PHONY: crash
crash: $(READY) ## kill the server while people chat; ARGS="--people 40 --kills 50 --postgres"
	"$(BIN)/python" -m tests.crash $(ARGS)

.PHONY: bench-store
bench-store: $(READY) ## both databases: turns, jobs, start with a million waiting, and workers that are killed
	"$(BIN)/python" -m benchmarks.store $(ARGS)

.PHONY: bench-pages
bench-pages: $(READY) ## how long the helpdesk's pages take with 100,000 cases; ARGS="--cases 100000 --only sqlite"
	"$(BIN)/python" -m benchmarks.pages $(ARGS)

.PHONY: acceptance
acceptance: $(READY) ## the matrix of bad inputs and faults, as a table
	@"$(BIN)/python" tools/machine.py
	"$(BIN)/python" -m pytest -q -n 4 --dist worksteal -p tests.acceptance.report $(ARGS) tests/acceptance

.PHONY: languages words fuzz faults soak storm
languages: $(READY) ## every language at a glance: coverage, lint, examples, longest button, app package
	@"$(BIN)/python" -m tests.language_table

words: $(READY) ## how well typed words are understood: held out by writer, by language
	@"$(BIN)/python" -m tools.understanding.words

.PHONY: planted
planted: $(READY) ## how many of the slips that people make in translations the check finds; ARGS="--faults 1000 --seed 2 --missed"
	@"$(BIN)/python" -m tools.planted $(ARGS)

.PHONY: model
model: $(READY) ## train what typed words mean from the examples in locales/
	"$(BIN)/python" -m tools.understanding

fuzz: $(READY) ## activities nobody would write; ARGS="--activities 20000 --seed 1"
	@"$(BIN)/python" -m tests.fuzz $(ARGS)

faults: $(READY) ## every call of a conversation fails once
	PHOTOSYNC_FAULTS=all "$(BIN)/python" -m pytest -q -n 4 tests/turns/test_faults.py

soak: $(READY) ## ten minutes of 200 chats at once in a world that fails; ARGS="--minutes 10 --people 200 --sqlite"
	@"$(BIN)/python" -m tests.soak $(ARGS)

storm: $(READY) ## how long people wait while 10,000 follow-ups are due, or somebody floods the bot; ARGS="--due 10000 --people 40"
	@"$(BIN)/python" -m tests.storm $(ARGS)

.PHONY: deploy-check sbom
deploy-check: $(READY) ## deploy/ by hadolint and kubernetes-validate, and the image's steps in an empty folder (Linux, root)
	@"$(BIN)/python" tools/machine.py
	"$(BIN)/python" -m pytest -q tests/deploy
	@"$(BIN)/python" -m tools.deploying

sbom: $(READY) ## what the product is made of, with licences, as CycloneDX: dist/photosync.cdx.json
	@"$(BIN)/python" -m tools.deploying.sbom

.PHONY: tickets request-tracker
tickets: $(READY) ## kill the hand-over to every helpdesk system at every point, as a table; ARGS="--kills 200 --only rt"
	@"$(BIN)/python" -m tests.ticket_run $(ARGS)

request-tracker: $(READY) ## the tests against a real Request Tracker, which is installed where that can be done
	@"$(BIN)/python" tools/machine.py --request-tracker
	"$(BIN)/python" -m pytest -q tests/tickets/real_request_tracker.py $(ARGS)

.PHONY: bench flame guard instructions
instructions: $(READY) ## the instructions that a press takes, the same on a busy machine (valgrind); ARGS="--root ../before"
	@"$(BIN)/python" -m benchmarks.instructions $(ARGS)

guard: $(READY)
	@"$(BIN)/python" -m benchmarks.guard

flame: $(READY) ## where a turn's time goes, as a picture (docs/performance.svg)
	@"$(BIN)/python" -m benchmarks.flame

bench: $(READY) ## a turn beside a bare relay and the public SDKs; ARGS="--json FILE --rounds 5 --only photosync,bare"
	@"$(BIN)/python" -m benchmarks.turns $(ARGS)


.PHONY: scale replicas
replicas: $(READY) ## replicas on one PostgreSQL behind nginx: a rolling upgrade with open chats, and turns a second; ARGS="--people 40"
	@"$(BIN)/python" -m tests.replicas $(ARGS)

scale: $(READY) ## how long until everybody affected has been served, simulated; ARGS="--people 200000 --affected 0.1"
	@"$(BIN)/python" -m benchmarks.scale $(ARGS)

.PHONY: photos-eval fuzz-photos
photos-eval: $(READY) ## how often the comparison of photos errs, and how long it takes; ARGS=--write for docs/photos.md, --times
	"$(BIN)/python" -m benchmarks.photos $(ARGS)

fuzz-photos: $(READY) ## 50,000 damaged pictures; ARGS="--files 1000 --seed 2"
	"$(BIN)/python" -m benchmarks.photos.fuzz $(ARGS)

.PHONY: scan-run
scan-run: $(READY) ## scan 10,000 people under throttling, whole and killed; ARGS="--people 10000 --kills 12"
	@"$(BIN)/python" -m tests.scan_run $(ARGS)
