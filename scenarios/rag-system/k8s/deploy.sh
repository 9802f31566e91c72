#!/usr/bin/env bash
# Applies the RAG system in the order in which its parts need each other.
#   deploy.sh [VERSION]     VERSION is the tag of the backend's image, by default "latest"
set -euo pipefail

cd "$(dirname "$0")"
namespace=rag-system
version=${1:-latest}

ready() {
  kubectl wait --for=condition=ready pod -l "app=$1" -n "$namespace" --timeout=300s
}

kubectl apply -f namespace.yaml
kubectl apply -f configmap.yaml
# A Secret that exists is kept: the file has placeholders only.
kubectl get secret rag-backend-secrets -n "$namespace" >/dev/null 2>&1 || kubectl apply -f secrets.yaml
kubectl apply -f pvc.yaml

kubectl apply -f qdrant-statefulset.yaml
kubectl rollout status statefulset/qdrant -n "$namespace" --timeout=300s
ready qdrant

kubectl apply -f redis-deployment.yaml

sed "s|your-registry/rag-backend:latest|your-registry/rag-backend:$version|" backend-deployment.yaml |
  kubectl apply -f -
kubectl rollout status deployment/rag-backend -n "$namespace" --timeout=300s
ready rag-backend

kubectl apply -f ingress.yaml
kubectl get pods -n "$namespace"
