#!/bin/sh
# Writes go.mod and go.sum for a version of Kubernetes: ./require.sh 1.35.4
set -eu
cd "$(dirname "$0")"
version=${1#v}
[ -f go.mod ] || go mod init ambimigrate/tests/apiserver
manifest=$(go mod download -json "k8s.io/kubernetes@v$version" | sed -n 's/^[[:space:]]*"GoMod": "\(.*\)",\{0,1\}$/\1/p')
# Kubernetes' own go.mod takes its sister modules from folders of its repository; as modules they are v0.MINOR.PATCH.
for module in $(sed -n 's|^[[:space:]]*\(k8s.io/[a-z-]*\) => ./staging/.*|\1|p' "$manifest"); do
	go mod edit -replace="$module=$module@v0.${version#*.}"
done
go mod edit -require="k8s.io/kubernetes@v$version"
go mod tidy -go="$(sed -n "s|^go ||p" "$manifest")"
