# The commands of README.md. Everything they need is installed by the project's own files.
.DEFAULT_GOAL := help
RUN := ./commands/run
# Commands run `make` themselves, to which these were not said.
MAKEOVERRIDES :=
unexport ARGS BASE OUT STACK

.PHONY: help up down kubectl preview review render mirror test lint mutants soak bench

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: ## boot the local cluster and wait until its nodes are Ready (root)
	@$(RUN) commands.up $(ARGS)

down: ## destroy the local cluster; nothing of it stays on this machine (root)
	@$(RUN) commands.down

kubectl: ## kubectl against the local cluster: make kubectl ARGS="get nodes"
	@$(RUN) commands.kubectl $(ARGS)

preview: ## the engine's preview of any stack, without cloud account or root: STACK=prod
	@$(RUN) commands.preview --stack "$(STACK)" $(ARGS)

review: ## what the work tree would do to a stack's machines, against a commit: BASE=main STACK=prod
	@$(RUN) commands.review --base "$(BASE)" --stack "$(STACK)"

render: ## every role's machine files, decoded: STACK=prod OUT=dir
	@$(RUN) config.render --stack "$(STACK)" --out "$(OUT)"

mirror: ## all that a stack's machines fetch, as a folder to serve: STACK=prod OUT=dir
	@$(RUN) commands.mirror --stack "$(STACK)" --out "$(OUT)" $(ARGS)

lint: ## formatter, linters and type checker, at zero findings
	@$(RUN) commands.lint

test: ## all tests; the cluster's too where this machine can boot machines
	@$(RUN) commands.test

mutants: ## takes each of the documents' settings away and wants a proof to fail; some: ARGS="D4 D9"
	@$(RUN) commands.mutants $(ARGS)

soak: ## the long fault runs (root)
	@$(RUN) toolchain ensure test
	@$(RUN) pytest -p no:cacheprovider --verbose -m soak tests/etcd tests/cluster

bench: ## the benchmarks, two arms in one run wherever there are two; some of them: ARGS="preview boot"
	@$(RUN) commands.bench $(ARGS)
