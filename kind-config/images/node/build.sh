#!/usr/bin/env bash
# The node image of kind: kind's own files on our root file system, with every image that a cluster starts from inside.
set -euo pipefail

reference=holdfast.dev/node:v$KUBERNETES_VERSION-$KEY
builder=holdfast-node-$KEY
base=$builder:base
trap 'docker rm --force "$builder" > /dev/null 2>&1; docker image rm "$base" > /dev/null 2>&1 || true' EXIT

cp -r "$INPUTS/kind/files" files
cp "$INPUTS/node-root/root.tar" "$INPUTS/kubernetes/kube" "$INPUTS"/containerd/* .
cp "$INPUTS/local-path-provisioner/storage.yaml" .
docker build --quiet --tag "$base" --build-arg VERSION="v$KUBERNETES_VERSION" \
  --build-arg PAUSE="$(cat "$INPUTS/pause/reference.txt")" .

# Importing needs a running containerd, which needs mounts: a privileged container whose state becomes the image.
docker rm --force "$builder" > /dev/null 2>&1 || true
docker run --detach --name "$builder" --privileged --security-opt seccomp=unconfined --entrypoint sleep "$base" infinity
docker exec --detach "$builder" sh -c 'containerd > /run/containerd.log 2>&1'
docker exec "$builder" timeout 60 sh -c 'until ctr version > /dev/null 2>&1; do sleep 0.2; done' \
  || { docker exec "$builder" cat /run/containerd.log >&2; exit 1; }
for image in "$INPUTS"/*/image.tar; do
  docker exec --interactive "$builder" \
    ctr --namespace=k8s.io images import --local --all-platforms --no-unpack --digests - < "$image"
done
# By name, without the entries that containerd keeps by digest.
docker exec "$builder" ctr --namespace=k8s.io images list | awk 'NR > 1 && $1 !~ /sha256:/ {print $1, $3}' | sort > "$OUT/preloaded.txt"
docker exec "$builder" sh -c 'pkill containerd; while pgrep containerd > /dev/null; do sleep 0.1; done
  rm -rf /run/containerd /run/containerd.log'
docker commit --change 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]' \
  --change 'ENV KUBECONFIG=/etc/kubernetes/admin.conf' "$builder" "$reference"
docker save --output "$OUT/image.tar" "$reference"
