#!/usr/bin/env python3
"""Derives src/input/manifests/fields.txt, the field names of the kinds that hpasim reads, from the published OpenAPI.

The PyPI package `kubernetes` has a class for every definition of a release's OpenAPI document:

    pip install 'kubernetes==37.*' && python3 tools/fields.py > src/input/manifests/fields.txt

One definition a line: its name, then its fields. `field=Type` descends, `*` after a field means a list of them, `%` a map.
"""

import typing

import kubernetes
from kubernetes.client import models

ROOTS = [
    "V1HorizontalPodAutoscaler", "V2HorizontalPodAutoscaler", "V1Deployment", "V1StatefulSet", "V1DaemonSet",
    "V1ReplicaSet", "V1ReplicationController", "V1Job", "V1CronJob", "V1Pod", "V1PersistentVolumeClaim",
    "V1ResourceQuota", "V1LimitRange", "V1PodDisruptionBudget", "V1RuntimeClass", "V1Service",
]

# Fields of alpha features that older or newer releases have besides.
EXTRA = {"V1PodSpec": ["schedulingGroup", "workloadRef"]}


def parts(annotation, mark=""):
    """The class behind an annotation, and whether it stands in a list or a map."""
    origin = typing.get_origin(annotation)
    arguments = [a for a in typing.get_args(annotation) if a is not type(None)]
    if isinstance(annotation, type) and hasattr(annotation, "model_fields"):
        return annotation, mark
    if origin in (list, typing.List):
        return parts(arguments[0], "*")
    if origin in (dict, typing.Dict):
        return parts(arguments[1], "%")
    for argument in arguments:
        found = parts(argument, mark)
        if found:
            return found
    return None


def main():
    print(f"# Made by tools/fields.py from the OpenAPI of Kubernetes 1.{kubernetes.__version__.split('.')[0]}.")
    waiting, done = list(ROOTS), set()
    while waiting:
        name = waiting.pop(0)
        if name in done:
            continue
        done.add(name)
        model = getattr(models, name)
        line = [name]
        for field, info in sorted(model.model_fields.items()):
            alias = info.serialization_alias or info.alias or field
            if alias == "status" and name in ROOTS:
                line.append("status")
                continue
            child = parts(info.annotation)
            if child:
                line.append(f"{alias}{child[1]}={child[0].__name__}")
                waiting.append(child[0].__name__)
            else:
                line.append(alias)
        line += [extra for extra in EXTRA.get(name, []) if extra not in line]
        print(" ".join([name] + sorted(line[1:])))


main()
