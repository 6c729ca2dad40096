#!/bin/sh
# make rpm-in-docker BASE=image: packages and pack from a clean checkout of this source, made in a container that has
# nothing but what rpm/Dockerfile installs. They land in dist/packages.
set -eu
base=${1:-debian:12}
cd "$(dirname "$0")/../.."
docker build --network host --build-arg "BASE=$base" -t xscontainer-build -f rpm/Dockerfile rpm
mkdir -p dist
exec docker run --rm --network host -v "$PWD:/source:ro" -v "$PWD/dist:/out" xscontainer-build
