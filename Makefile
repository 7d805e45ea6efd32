# What a newcomer types. Everything else is in scripts/ and in `tillwire --help`.

.PHONY: demo test test-system kiosk-vm faults mutants soak bench package lint lock clean

demo: ## the seed's checkout, end to end, without account or hardware
	@scripts/setup run
	@.venv/bin/tillwire demo

test: ## all tests that need neither root nor further packages; under three minutes
	@scripts/setup test
	@.venv/bin/pytest --quiet -n 4 # of which half wait: on two cores quicker than two

test-system: ## the tests that need root, Debian packages (it installs them) or more time than `make test` has; TESTS=… for some of them
	@scripts/setup test
	@scripts/setup system
	@.venv/bin/pytest --quiet -m "system or system_too" $(TESTS)

kiosk-vm: ## packages built and tried: on a Debian with its own systemd, and in the virtual kiosk; as root
	@scripts/setup test
	@scripts/setup kiosk
	@scripts/setup system
	@.venv/bin/pytest --quiet -m kiosk

package: ## the Debian packages for Debian 12 and 13, into dist/; as root, in chroots
	@scripts/package

faults: ## the simulation of faults: RUNS=… FROM=… (seeds); ended at any moment, it goes on where it stood
	@scripts/setup test
	@.venv/bin/python -m tests.faults --runs $(or $(RUNS),5000) --from $(or $(FROM),1)

mutants: ## mistakes made in copies of the code, each of which the simulation of faults must find
	@scripts/setup test
	@.venv/bin/python -m tests.faults.mutants

soak: ## weeks of trade with faults against the real process: CHECKOUTS=…; says whether it grows
	@scripts/setup test
	@.venv/bin/python -m tests.soak --checkouts $(or $(CHECKOUTS),2000)

bench: ## how fast and how small, beside a floor: docs/bench.md; a quarter of an hour on a quiet machine; ARGUMENTS="--short" …
	@scripts/setup test
	@.venv/bin/python -m tests.bench $(ARGUMENTS)

lint: ## style, types, and who may import whom
	@scripts/setup test
	@.venv/bin/ruff check --quiet .
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/mypy --no-error-summary
	@.venv/bin/lint-imports --no-logo >.venv/lint-imports.txt || { cat .venv/lint-imports.txt; exit 1; }

lock: ## the lock files anew
	@scripts/setup test
	@scripts/lock

clean:
	rm -rf .venv build *.egg-info
