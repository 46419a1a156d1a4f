#!/usr/bin/env bash
# kubectl by itself: the program that has it together with all of Kubernetes is several times its size.
set -euo pipefail

package=k8s.io/component-base/version
IFS=. read -r major minor _ <<< "$KUBERNETES_VERSION"
CGO_ENABLED=0 go build -trimpath -buildvcs=false -o "$OUT/kubectl" -ldflags "-s -w
  -X $package.gitVersion=v$KUBERNETES_VERSION -X $package.gitMajor=$major -X $package.gitMinor=$minor
  -X $package.gitTreeState=clean"
