# Everything runs from a bare checkout: it needs make and a Python 3.10 to 3.13 with venv, and makes the rest itself.
# `make help` lists the commands; CONTRIBUTING.md says more.

.DEFAULT_GOAL := help
.PHONY: help package test demo sandbox sample-data screenshots simulate chaos soak bench fuzz audit attack lint format clean

# -B: running the tools leaves no caches beside the sources.
TOOL = @python=$$(sh tools/find_python.sh) && exec "$$python" -B -m

help: ## this list
	@sed -n 's/^\([a-z-]*\): .*## /\1	/p' $(MAKEFILE_LIST) | while IFS='	' read -r name text; do printf '  make %-11s %s\n' "$$name" "$$text"; done

package: ## build dist/TA_strava_webhook-<version>.tar.gz, to be installed in Splunk Web, and output/TA_strava_webhook
	$(TOOL) tools.package

test: ## run every check and test; ONLY=tests/unit runs one folder or file
	$(TOOL) tools.test $(if $(ONLY),'$(ONLY)')

demo: ## build the add-on and watch it collect activities from a stand-in for Strava, about a minute
	$(TOOL) tools.sandbox sandbox.demo

sandbox: ## keep the built add-on running against the stand-ins until Ctrl-C, to play with; EMPTY=1 to set it up by hand
	$(TOOL) tools.sandbox sandbox $(if $(EMPTY),--empty)

sample-data: ## write two years of made-up training of three athletes, to upload into a Splunk; SEED=2, TODAY=2026-06-01 for others
	$(TOOL) tools.sandbox sandbox.training $(if $(SEED),--seed $(SEED)) $(if $(TODAY),--today $(TODAY))

screenshots: ## make the pictures in docs/images anew from the built pages; needs Chromium
	$(TOOL) tools.screenshots

chaos: ## 10,000 notifications while everything fails that can, about five minutes; SEED=2 for another plan
	$(TOOL) tools.sandbox sandbox.chaos

soak: ## an hour at a fifth of the load, with renewals, outages and full log files: what grows, what is lost; MINUTES=10 is shorter
	$(TOOL) tools.sandbox sandbox.soak

fuzz: ## every kind of input that strangers, Strava or users send, ten minutes of CPU each; SECONDS=60 for less, TARGET=streams for one
	$(TOOL) tools.fuzz $(if $(SECONDS),--seconds $(SECONDS)) $(if $(TARGET),--target $(TARGET)) $(if $(INPUT),--input '$(INPUT)')

attack: ## everything that a stranger can do to the listener, beside honest traffic, about fifteen minutes; CASE="-k floods" for some
	$(TOOL) tools.attack $(CASE)

bench: ## measure what the store costs at a thousand to a million rows, and samples a second; figures in output/bench
	$(TOOL) tools.sandbox tests.bench

simulate: ## 30 days of 200 athletes in virtual time, twenty times, a few minutes; CASE="--seed 7" runs one, CASE="--history" another
	$(TOOL) tools.sandbox sandbox.simulation $(CASE)

lint: ## check style, types and import rules
	$(TOOL) tools.checks

audit: ## ask a public database whether a weakness is known of the libraries that are shipped; needs a network
	$(TOOL) tools.audit

format: ## rewrite the sources in the project's format
	$(TOOL) tools.checks --rewrite

clean: ## remove what the commands made: environments, built files, caches
	rm -rf .venv output dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
