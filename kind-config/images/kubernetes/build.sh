#!/usr/bin/env bash
# Every Kubernetes component as one program that looks at the name it was called by: one link and a quarter of the size.
set -euo pipefail

version=v$KUBERNETES_VERSION
package=k8s.io/component-base/version
IFS=. read -r major minor _ <<< "$KUBERNETES_VERSION"
CGO_ENABLED=0 go build -trimpath -buildvcs=false -o "$OUT/kube" -ldflags "-s -w
  -X $package.gitVersion=$version -X $package.gitMajor=$major -X $package.gitMinor=$minor -X $package.gitTreeState=clean
  -X k8s.io/client-go/pkg/version.gitVersion=$version"

# The pause container is a few lines of C that Kubernetes keeps beside its sources.
cp "$(go list -m -f '{{.Dir}}' k8s.io/kubernetes)/build/pause/linux/pause.c" "$OUT/pause.c"

# Kubernetes alone knows which images it will ask for.
ln -s kube "$OUT/kubeadm"
ln -s kube "$OUT/kubectl"
"$OUT/kubeadm" config images list --kubernetes-version "$version" > "$OUT/images.txt"
