#!/usr/bin/env bash
# require.sh VERSION: write go.mod anew for a release of Kubernetes, such as 1.33.13.
#
# Kubernetes is no library: its module names its staging modules without versions, so each is named here.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
staging=(
    api apiextensions-apiserver apimachinery apiserver cli-runtime client-go cloud-provider cluster-bootstrap
    code-generator component-base component-helpers controller-manager cri-api cri-client csi-translation-lib
    dynamic-resource-allocation endpointslice externaljwt kms kube-aggregator kube-controller-manager kube-proxy
    kube-scheduler kubectl kubelet metrics mount-utils pod-security-admission sample-apiserver sample-cli-plugin
    sample-controller
)
{
    printf 'module kube\n\ngo 1.24.0\n\nrequire k8s.io/kubernetes v%s\n\nreplace (\n' "$1"
    for module in "${staging[@]}"; do printf '\tk8s.io/%s => k8s.io/%s v0.%s\n' "$module" "$module" "${1#1.}"; done
    echo ')'
} >go.mod
GOTOOLCHAIN=local go mod tidy
