#!/bin/sh
# make rpm-in-docker BASE=image: packages and pack from a clean checkout of this source, made in a container that has
# nothing but what rpm/Dockerfile installs. They land in dist/packages. NODE_EXTRA_CA_CERTS, a file of certificates that
# npm is to trust besides, is passed on: a proxy may need it.
set -eu
base=${1:-debian:12}
cd "$(dirname "$0")/../.."
docker build --network host --build-arg "BASE=$base" -t xscontainer-build -f rpm/Dockerfile rpm
mkdir -p dist
set -- --rm --network host -v "$PWD:/source:ro" -v "$PWD/dist:/out"
if [ -n "${NODE_EXTRA_CA_CERTS-}" ]; then
  set -- "$@" -v "$NODE_EXTRA_CA_CERTS:/ca.crt:ro" -e NODE_EXTRA_CA_CERTS=/ca.crt
fi
exec docker run "$@" xscontainer-build
