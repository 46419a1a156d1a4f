#!/usr/bin/env bash
# CloudNativePG's own release manifest, changed in four places for a small machine on which nothing is pulled:
# the operator's image is taken from the node, its CPU is neither held to a tenth of a core (start-up would take a minute)
# nor reserved, and a Cluster without an image gets the PostgreSQL image that the node has.
set -euo pipefail

module=github.com/cloudnative-pg/cloudnative-pg
go mod download "$module"
sed -e 's/^\( *\)imagePullPolicy: Always$/\1imagePullPolicy: IfNotPresent/' \
  -e '/^ *limits:$/{n;s/cpu: 100m/cpu: "2"/}' \
  -e '/^ *requests:$/{n;s/cpu: 100m/cpu: 10m/}' \
  -e "s|^\( *\)- name: OPERATOR_IMAGE_NAME\$|\1- name: POSTGRES_IMAGE_NAME\n\1  value: $POSTGRESQL_IMAGE\n&|" \
  "$(go list -m -f '{{.Dir}}' $module)/releases/cnpg-$CNPG_VERSION.yaml" > "$OUT/cnpg.yaml"

# A later release may be laid out differently: a patch that no longer applies has to fail here, not in a cluster.
for expected in 'imagePullPolicy: IfNotPresent' 'cpu: "2"' 'cpu: 10m' 'name: POSTGRES_IMAGE_NAME' "image: $CNPG_IMAGE"; do
  found=$(grep -c "$expected\$" "$OUT/cnpg.yaml" || true)
  [ "$found" = 1 ] || { echo "cnpg.yaml: expected '$expected' once, found it $found times" >&2; exit 1; }
done
