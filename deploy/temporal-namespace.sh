#!/bin/sh
# Create the namespace that incidents live in, unless it is there. Safe to repeat.
set -eu
temporal operator namespace describe -n "$NAMESPACE" >/dev/null 2>&1 \
    || temporal operator namespace create -n "$NAMESPACE" --retention "$RETENTION"
